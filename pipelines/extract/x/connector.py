"""Pull from X's API v2: followers, our posts with their figures, and who liked, reposted, quoted and answered them.

Every answer costs money (`budget.py`) and X's terms ask a public body for its approval first (docs/POLICY.md): without
credentials, `terms_confirmed` and a budget nothing is asked. Requests go through the `xdk` client (`client.py`), one
page at a time, in a thread each; `responses.py` reads the answers. What is asked, and what is not available:
`docs/X_API.md`.
"""

import asyncio
import hashlib
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import requests

from pipelines.common.errors import (
    ListRefusedError,
    PlatformBusyError,
    PlatformRefusedError,
    SchemaError,
    StillreachError,
)
from pipelines.extract.pulls import redirect
from pipelines.extract.pulls.budget import POLICY, Budget
from pipelines.extract.pulls.listing import Kind, Limit, Listing, Page, Row
from pipelines.extract.pulls.price import Charge
from pipelines.extract.pulls.source import Source
from pipelines.extract.x import responses, rows
from pipelines.extract.x.client import Step, Vocabulary, Wire
from pipelines.extract.x.responses import ResponsePage, read_entry
from pipelines.extract.x.rows import PLATFORM
from pipelines.reference.files import Account

# The cursor of a follower list's first paid page: the profile with its count was asked for before.
AFTER_PROFILE = "@after-profile"
QUARTER = 900.0
# Per 15 minutes and user token, as X's page of rate limits says.
LIMITS: dict[Kind, Limit] = {
    "follower": Limit(300, QUARTER),
    "post": Limit(900, QUARTER),
    "like": Limit(75, QUARTER),
    "repost": Limit(75, QUARTER),
    "quote": Limit(75, QUARTER),
    "reply": Limit(300, QUARTER),
}
# Entries a page: the least and the most that X accepts.
SIZES: dict[Step, tuple[int, int]] = {
    "profile": (1, 1), "follower": (1, 1000), "post": (5, 100), "like": (1, 100), "repost": (1, 100),
    "quote": (10, 100), "reply": (10, 100),
}  # fmt: skip
SPARE = 10  # a list may have grown since its count was taken
SPOKEN: tuple[Step, ...] = ("post", "quote", "reply")  # the requests whose words differ
FOR_ALL = ("usage-capped", "client-forbidden")
FOR_ONE = ("not-authorized-for-resource", "unsupported-authentication", "resource-not-found", "resource-unavailable")


@dataclass(frozen=True)
class _Request:
    """One request: what is asked for, in which vocabulary, and how it is charged.

    `key` is its name in the ledger, `entry` the charge of one entry of the answer, `thing` its name in errors.
    """

    step: Step
    listing: Listing
    token: str | None
    size: int
    spoken: Vocabulary
    key: str
    entry: Charge
    thing: str


class Connector:
    """X's API behind the connector's protocol. A page is one request; waiting and trying again are the puller's."""

    platform = PLATFORM

    def __init__(self, source: Source, since: date, today: date, budget: Budget) -> None:
        """Check that pulling is allowed at all.

        Raises `PlatformRefusedError` where credentials or `terms_confirmed` are missing, `SettingsError` where the
        token is none.
        """
        if not source.token:
            raise PlatformRefusedError("x_api", "has no token", hint=POLICY)
        if source.terms_confirmed is None:
            raise PlatformRefusedError("x_api", "has no terms_confirmed", known=("enterprise", "owned"), hint=POLICY)
        self._source, self._since, self._today, self._budget = source, since, today, budget
        self._own: set[str] = set()
        self._counts: dict[str, int] = {}
        self._plans: set[str] = set()
        self._guard = threading.Lock()
        self._vocabulary: Vocabulary = "post"
        self._is_understood = False
        self._wire = Wire(source, f"{since.isoformat()}T00:00:00Z")

    def first_lists(self, account: Account) -> Sequence[Listing]:
        """Followers as configured; of an account of our own its posts too."""
        lists: list[Kind] = ["follower"] if account.role in self._source.follower_lists else []
        if account.role == "own":
            self._own.add(account.account_id)
            lists.append("post")
        return [Listing(kind, PLATFORM, account.account_id) for kind in lists]

    def limits(self) -> Mapping[Kind, Limit]:
        return LIMITS

    async def page(self, listing: Listing, cursor: str | None) -> Page:
        """Ask for one page, in a thread: one request, held against the budget before it goes out."""
        if self._source.terms_confirmed == "owned" and listing.account_id not in self._own:
            found = "is not ours, and terms_confirmed: owned covers our own accounts alone"
            raise ListRefusedError(f"{listing.kind} list of {PLATFORM}:{listing.account_id}", found, hint=POLICY)
        return await asyncio.to_thread(self._page, listing, cursor)

    async def close(self) -> None:
        """Close the connections, and give back money that lists held and did not use."""
        self._wire.close()
        await asyncio.to_thread(self._budget.end, sorted(self._plans))

    def _page(self, listing: Listing, cursor: str | None) -> Page:
        step: Step = "profile" if listing.kind == "follower" and cursor is None else _step(listing.kind)
        thing = f"{listing.kind} list of {PLATFORM}:{listing.account_id}"
        spoken = self._vocabulary
        plan, charges = _key(listing), self._charges(step, listing, spoken)
        token = None if cursor == AFTER_PROFILE else cursor
        n_known = self._counts.get(plan) if listing.kind == "follower" else listing.n_reported
        if step != "profile" and token is None and n_known is not None:
            n_paid = min(n_known, rows.LIKERS_EVER) if step == "like" else n_known
            self._budget.plan(plan, thing, {charge: n_paid * charges.count(charge) for charge in charges})
            self._plans.add(plan)
        least, most = SIZES[step]
        if token is None and n_known is not None:
            most = max(least, min(most, n_known + SPARE))
        key = _key(listing, cursor or "first")
        size = self._budget.ask(key, thing, charges, least, most, plan if step != "profile" else None)
        answer = self._ask(_Request(step, listing, token, size, spoken, key, charges[0], thing))
        if step != "profile" and answer.next_token is None and plan in self._plans:
            self._budget.end([plan])
        return self._read(step, listing, answer)

    def _ask(self, one: _Request) -> ResponsePage:
        """Send one request and charge its answer: a refusal costs nothing, a missing answer counts in full."""
        answer = self._wire.send(one.step, one.listing, one.token, one.size, one.spoken)
        if answer is None:
            raise PlatformBusyError(one.thing, "X did not answer, or cut its answer off")
        try:
            body = self._body(answer, one.step, one.spoken, one.thing)
        except StillreachError:
            if answer.status_code != 200 or _is_json(answer):
                self._budget.failed(one.key)
            raise
        page, ids, drift = _charged(one.step, body, one.entry)
        self._budget.answered(one.key, ids)
        if drift:
            raise drift
        assert page
        return page

    def _body(self, answer: requests.Response, step: Step, vocabulary: Vocabulary, thing: str) -> dict[str, Any]:
        """The answer's JSON; our errors for whatever else came, with nothing of X's texts in them."""
        if refusal := redirect.refused(f"x_api: {thing}", answer.url, answer.status_code, answer.headers):
            raise refusal
        body = answer.json() if _is_json(answer) else None
        kinds = responses.problems(body) if isinstance(body, dict) else []
        if answer.status_code == 200 and not _is_json(answer):
            raise PlatformBusyError(thing, "X's answer is no JSON")
        if answer.status_code == 200:
            if not isinstance(body, dict):
                raise SchemaError("X's answer", "is no object", hint=responses.CHANGED)
            if body.get("data") is None and body.get("errors"):
                raise _refusal(200, kinds, thing)
            if body.get("data") is None and _n_reported(body):
                raise PlatformBusyError(thing, "X counts entries and gives none")
            with self._guard:
                self._is_understood |= step in SPOKEN
            return body
        if answer.status_code == 400 and step in SPOKEN and _is_about_words(body):
            self._other_words(vocabulary, thing)
        if answer.status_code == 429 and "usage-capped" not in kinds:
            raise PlatformBusyError(thing, "X asks to wait", wait_seconds=_wait_seconds(answer))
        if answer.status_code >= 500:
            raise PlatformBusyError(thing, f"X answered {answer.status_code}")
        raise _refusal(answer.status_code, kinds, thing)

    def _other_words(self, spoken: Vocabulary, thing: str) -> None:
        """Speak of Tweets to a server that does not know Posts: once a run, and never after it understood."""
        with self._guard:
            if spoken == "post" and not self._is_understood:
                self._vocabulary = "tweet"
                raise PlatformBusyError(thing, "X speaks of Tweets, not of Posts: asking again", wait_seconds=0)

    def _read(self, step: Step, listing: Listing, answer: ResponsePage) -> Page:
        if step == "profile":
            return self._profile(listing, answer)
        now = datetime.now(UTC)
        made = [pair for entry in answer.entries if (pair := self._row(step, entry, listing, now))]
        opened = [one for table, row in made if table == "post" for one in rows.lists_of(row, listing)]
        return Page(
            rows=made,
            next_cursor=answer.next_token,
            n_reported=listing.n_reported,
            n_null_rows=answer.n_gone,
            opened=opened,
            unknown_fields=answer.unknown,
            short_because=rows.short_because(listing, len(answer.entries), now),
            n_entries=len(answer.entries) + answer.n_gone,
            notes=[f"X withheld {name} of some entries: the token is not that account's" for name in answer.withheld],
        )

    def _row(self, step: Step, entry: object, listing: Listing, now: datetime) -> tuple[str, Row] | None:
        """Read one entry and make its row, with the table's name; None where it is not one for us."""
        match step:
            case "follower":
                follower = read_entry(responses.User, "user", entry)
                return "follower", rows.follower(follower, listing, self._today)
            case "post":
                post = read_entry(responses.OwnPost, "post", entry)
                row = rows.own_post(post, listing, now.isoformat(timespec="seconds"))
                return ("post", row) if row else None
            case "quote" | "reply":
                row = rows.answer(read_entry(responses.Answer, "post", entry), listing)
                return ("engagement", row) if row else None
        return "engagement", rows.interaction(read_entry(responses.Entry, "user", entry), listing)

    def _profile(self, listing: Listing, answer: ResponsePage) -> Page:
        """Make the page of an account's follower count, a metric of the day and what the list is compared with."""
        if not answer.entries:
            raise ListRefusedError(f"{listing.kind} list of {PLATFORM}:{listing.account_id}", "X shows no such account")
        metrics = read_entry(responses.User, "user", answer.entries[0]).public_metrics
        n = metrics.followers_count if metrics else None
        counts: list[tuple[str, Row]] = []
        if n is not None:
            self._counts[_key(listing)] = n
            about: Row = {"platform": PLATFORM, "account_id": listing.account_id, "day": self._today.isoformat()}
            counts = [("account_day", about | {"metric": "followers", "value": str(n)})]
        return Page(counts, AFTER_PROFILE, n_reported=n, unknown_fields=answer.unknown, n_entries=1)

    def _charges(self, step: Step, listing: Listing, spoken: Vocabulary) -> list[Charge]:
        """What one entry of an answer can be charged as; the first is the entry itself."""
        is_owned = self._source.terms_confirmed == "owned" and listing.account_id in self._own
        with_more = spoken == "post"
        if step == "post":  # a post can refer to two others, one it answers and one it quotes
            return [Charge("post", is_owned), *([Charge("post")] * 2 if with_more else [])]
        if step in ("quote", "reply"):
            return [Charge("post"), *([Charge("user")] if with_more else [])]
        return [{"follower": Charge("follower", is_owned), "like": Charge("liker")}.get(step, Charge("user"))]


def _charged(
    step: Step, body: dict[str, Any], entry: Charge
) -> tuple[ResponsePage | None, list[tuple[Charge, str]], SchemaError | None]:
    """Read an answer and give what it is charged as, even where it cannot be read: X sent it, so it is paid for."""
    try:
        page = responses.read_page("post" if step in SPOKEN else "user", body)
    except SchemaError as drift:
        data = body.get("data")
        n = len(data) if isinstance(data, list) else 1
        digest = hashlib.sha256(repr(body).encode()).hexdigest()
        return None, [(entry, f"unread {digest} {at}") for at in range(n)], drift
    ids = [(entry, one) for one in page.ids]
    ids += [(Charge("user"), one) for one in page.users]
    return page, ids + [(Charge("post"), one) for one in page.posts], None


def _n_reported(body: Mapping[str, Any]) -> int:
    """How many entries an answer says it has."""
    meta = body.get("meta")
    n = meta.get("result_count") if isinstance(meta, dict) else None
    return n if isinstance(n, int) else 0


def _is_json(answer: requests.Response) -> bool:
    try:
        answer.json()
    except requests.JSONDecodeError:
        return False
    return True


def _step(kind: Kind) -> Step:
    if kind == "mention":
        raise ListRefusedError("mentions on X", "are not pulled", hint="docs/X_API.md says what is")
    return kind


def _key(listing: Listing, cursor: str = "") -> str:
    """Name a list, or one page of it, in the ledger: a hash, for a cursor is nobody else's business."""
    name = "|".join((listing.kind, listing.account_id, listing.post_id, cursor))
    return hashlib.sha256(name.encode()).hexdigest()[:20]


def _refusal(status: int, kinds: Sequence[str], thing: str) -> StillreachError:
    reported = ", ".join(dict.fromkeys(kinds)) or f"status {status}"
    if status == 401:
        return PlatformRefusedError(
            thing, "X does not know the token", hint="a user token of OAuth 2.0 lasts two hours"
        )
    if status == 402 or (status != 404 and any(kind in FOR_ALL for kind in kinds)):
        return PlatformRefusedError(thing, f"X refuses the app: {reported}", hint="look into X's developer console")
    if status == 403 and not any(kind in FOR_ONE for kind in kinds):
        return PlatformRefusedError(thing, f"X refuses: {reported}", hint=POLICY)
    return ListRefusedError(thing, f"X does not give it: {reported}")


def _is_about_words(body: object) -> bool:
    """Whether a 400 is about the names of fields and not, say, about an id. X names the parameters it minds."""
    errors = body.get("errors") if isinstance(body, dict) else None
    named = [name for one in errors or () if isinstance(one, dict) for name in one.get("parameters") or {}]
    return not named or any(name in ("post.fields", "tweet.fields", "expansions") for name in named)


def _wait_seconds(answer: requests.Response) -> float | None:
    """Seconds until X's window opens again; its header is in seconds since 1970."""
    try:
        opens = float(answer.headers["x-rate-limit-reset"])
    except (KeyError, ValueError):
        return None
    return max(0.0, min(opens - datetime.now(UTC).timestamp(), 24 * 3600.0))
