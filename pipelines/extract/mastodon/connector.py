"""Pull from Mastodon servers: followers, our posts, and who favourited, boosted, quoted and answered them.

Each account is asked on its own server, the one in its handle, or all on `base_url`. Public lists need no token; a
token belongs to one server and is sent to that one only. The calls go through Mastodon.py, one request each, in
threads. An answer is judged by what the server sent, not by the library's errors, which quote bodies.
"""

import asyncio
import email.utils
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import urlsplit

import requests
from mastodon import Mastodon
from mastodon.errors import MastodonError
from mastodon.types_base import PaginationInfo

from pipelines.common.errors import (
    ListRefusedError,
    PlatformBusyError,
    PlatformRefusedError,
    RefError,
    SchemaError,
    SettingsError,
    StillreachError,
)
from pipelines.extract.mastodon import responses, rows
from pipelines.extract.pulls import redirect
from pipelines.extract.pulls.listing import Kind, Limit, Listing, Page
from pipelines.extract.pulls.source import Source
from pipelines.reference.files import Account

PLATFORM = "mastodon"
# What servers give at most at once; one that gives fewer says so with its link to the next page.
PAGE_SIZE: dict[Kind, int] = {"follower": 80, "like": 80, "repost": 80, "post": 40, "quote": 40}
PATH: dict[Kind, str] = {
    "follower": "/api/v1/accounts/{0}/followers",
    "post": "/api/v1/accounts/{0}/statuses",
    "like": "/api/v1/statuses/{1}/favourited_by",
    "repost": "/api/v1/statuses/{1}/reblogged_by",
    "quote": "/api/v1/statuses/{1}/quotes",
}
# The profile with its count comes before a follower list; its cursors then say whose server was asked.
OWN, OTHER = "own:", "other:"
# A server allows 300 requests in five minutes, whatever they are for; past that it says itself when to come back.
FAIR = Limit(requests=300, seconds=300)
DOMAIN = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?")
RESETS = ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset")


@dataclass(frozen=True)
class _Server:
    """The client through which one account of ours is asked, and where that account lives."""

    client: Mastodon
    home: rows.Home


@dataclass(frozen=True)
class _Heard:
    """The answer to one request: the server's own JSON and where the library says the list goes on."""

    body: Any
    max_id: str | None
    is_linked: bool


class Connector:
    """Mastodon behind the one puller; see `listing.Connector`."""

    platform = PLATFORM

    def __init__(self, source: Source, since: date, today: date) -> None:
        """Ask as `source` says, for posts since `since`, lists being those of `today`.

        Raises `SettingsError` for a token without the server it belongs to.
        """
        if source.secret and not source.base_url:
            hint = "a token belongs to one server: give its address"
            raise SettingsError("source.yml: mastodon", "has a token and no base_url", hint=hint)
        self._source, self._since, self._today = source, since, today
        self._wire = _Wire(2 * source.concurrency)
        self._clients: dict[str, Mastodon] = {}
        self._servers: dict[str, _Server] = {}
        self._threads = ThreadPoolExecutor(2 * source.concurrency, thread_name_prefix="mastodon")

    def first_lists(self, account: Account) -> Sequence[Listing]:
        """The follower list, and for our own accounts their posts.

        Raises `RefError` where neither the handle nor `base_url` names the account's server.
        """
        self._servers[account.account_id] = self._server(account)
        kinds: list[Kind] = ["follower"] if account.role in self._source.follower_lists else []
        kinds += ["post"] if account.role == "own" else []
        return [Listing(kind, PLATFORM, account.account_id) for kind in kinds]

    async def page(self, listing: Listing, cursor: str | None) -> Page:
        """Ask for one page: one request."""
        server = self._servers[listing.account_id]
        if listing.kind == "follower":
            return (
                await self._profile(server, listing)
                if cursor is None
                else await self._followers(server, listing, cursor)
            )
        if listing.kind == "reply":
            heard = await self._ask(listing, lambda: server.client.status_context(listing.post_id))
            below = responses.thread(heard.body)
            return rows.replies(listing, below, server.home.domain, bool(self._source.secret))
        if listing.kind == "quote" and not self._source.secret:
            raise ListRefusedError(
                "mastodon: quote list", "a server gives it to who is logged in only", hint="see token_file"
            )
        heard = await self._list(server, listing, cursor)
        if listing.kind == "post":
            return self._posts(server, listing, heard)
        if listing.kind == "quote":
            page = rows.answers(
                listing, responses.statuses(responses.Status, heard.body, "quote list"), server.home.domain
            )
        else:
            people = responses.accounts(responses.Account, heard.body, f"{listing.kind} list")
            page = rows.people_who(listing, people, server.home.domain)
        page = _linked(page, heard)
        # The reason counts only where fewer came than the post's own count says, 40 of 60 for instance.
        ends_short = page.next_cursor is None and listing.n_reported is not None
        return replace(page, short_because=page.short_because or (rows.NO_MORE if ends_short else ""))

    def limits(self) -> Mapping[Kind, Limit]:
        """Mastodon's limit, which is one for all kinds: no kind may go beyond it."""
        return dict.fromkeys(("follower", "post", "like", "repost", "quote", "reply"), FAIR)

    async def close(self) -> None:
        """Close the connections; a request still under way ends by its own timeout."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._wire.close()

    async def _profile(self, server: _Server, listing: Listing) -> Page:
        heard = await self._ask(listing, lambda: server.client.account(listing.account_id))
        account, unknown = responses.profile(heard.body)
        page, is_local = rows.profile(listing, account, server.home, self._today)
        return replace(page, next_cursor=OWN if is_local else OTHER, unknown_fields=unknown)

    async def _followers(self, server: _Server, listing: Listing, cursor: str) -> Page:
        whose = OWN if cursor.startswith(OWN) else OTHER
        max_id = cursor.removeprefix(whose)
        heard = await self._list(server, listing, max_id or None)
        people = responses.accounts(responses.Profile, heard.body, "follower list")
        page = _linked(rows.followers(listing, people, server.home.domain, self._today), heard)
        if page.next_cursor is not None:
            return replace(page, next_cursor=whose + page.next_cursor)
        if page.short_because:
            return page
        short = ""
        if not max_id and not heard.body:
            short = "the server shows none of them: the account hides its list, or the server does"
        elif whose == OTHER:
            short = "the server asked is not the account's own and knows only some of them"
        elif len(heard.body) >= PAGE_SIZE["follower"]:
            short = "the server gave a full page and no link to the next"
        return replace(page, short_because=short)

    def _posts(self, server: _Server, listing: Listing, heard: _Heard) -> Page:
        read_at = f"{datetime.now(UTC).replace(microsecond=0).isoformat().removesuffix('+00:00')}Z"
        statuses = responses.statuses(responses.OwnStatus, heard.body, "post list")
        page = rows.posts(listing, statuses, self._since, read_at, server.home)
        return page if rows.reaches_before(statuses, self._since) else _linked(page, heard)

    async def _list(self, server: _Server, listing: Listing, max_id: str | None) -> _Heard:
        asked = PaginationInfo(
            _pagination_method="GET",
            _pagination_endpoint=PATH[listing.kind].format(listing.account_id, listing.post_id),
            limit=PAGE_SIZE[listing.kind],
        )
        if listing.kind == "post":
            asked["exclude_reblogs"] = "1"
        if max_id:
            asked["max_id"] = max_id
        return await self._ask(listing, lambda: server.client.fetch_next(asked))

    async def _ask(self, listing: Listing, call: Callable[[], Any]) -> _Heard:
        loop = asyncio.get_running_loop()
        heard = await loop.run_in_executor(
            self._threads, self._wire.hear, f"{listing.kind} list", call, bool(self._source.secret)
        )
        # Raised here, where no exception of the library is being handled: it would ride along, body and all.
        if isinstance(heard, StillreachError):
            raise heard
        return heard

    def _server(self, account: Account) -> _Server:
        """Find where an account is asked.

        `police@social.example` lives on social.example; `base_url` is for a server whose address is another.
        """
        user, _, domain = (account.handle or "").strip().removeprefix("@").partition("@")
        domain = rows.ascii_domain(domain)
        base = self._source.base_url or (f"https://{domain}" if domain else "")
        where = f"account.csv: {account.ref}"
        if not base:
            raise RefError(
                where, "names no server", hint="write the handle as user@server, or give base_url in source.yml"
            )
        if domain and not DOMAIN.fullmatch(domain):
            raise RefError(where, "has a handle whose server is no host name", hint="write it as user@server")
        home = domain or urlsplit(base).netloc.rpartition("@")[2].lower()
        if base not in self._clients:
            self._clients[base] = Mastodon(
                api_base_url=base,
                access_token=self._source.token,
                ratelimit_method="throw",
                version_check_mode="none",
                request_timeout=self._source.request_seconds,
                session=self._wire,
                user_agent="stillreach",
            )
        return _Server(self._clients[base], rows.Home(home, f"{user.lower()}@{home}" if user else None))


class _Wire(requests.Session):
    """The library's connections: no retries, no redirects, and the last answer of each thread kept to be judged."""

    def __init__(self, n_threads: int) -> None:
        super().__init__()
        self._last = threading.local()
        adapter = requests.adapters.HTTPAdapter(pool_maxsize=n_threads, max_retries=0)
        self.mount("https://", adapter)
        self.mount("http://", adapter)

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        """Send, and keep the answer once its body is whole."""
        options["allow_redirects"] = False
        self._last.answer = None
        answer = super().send(request, **options)
        self._last.answer, self._last.wait = answer, _wait(answer.headers)
        # The library computes with these and gives up a good answer over a date it cannot read.
        for name in RESETS:
            answer.headers.pop(name, None)
        return answer

    def hear(self, what: str, call: Callable[[], Any], with_token: bool) -> _Heard | StillreachError:
        """Make one call of the library and give the answer; errors are returned, not raised."""
        self._last.answer = None
        result = None
        try:
            result = call()
        except MastodonError:
            pass
        except Exception:
            # Odd JSON breaks the library's casts; without any answer the fault is ours and must be seen.
            if self._last.answer is None:
                raise
        answer: requests.Response | None = self._last.answer
        if answer is None:
            return PlatformBusyError(f"mastodon: {what}", "no whole answer came in time")
        if away := redirect.refused(f"mastodon: {what}", answer.url, answer.status_code, answer.headers):
            return away
        if refused := _refused(what, answer.status_code, self._last.wait, with_token):
            return refused
        try:
            body = answer.json()
        except ValueError:
            return _garbled(what, answer)
        follows = getattr(result, "_pagination_next", None) or {}
        max_id = follows.get("max_id")
        return _Heard(body, None if max_id is None else str(max_id), "next" in answer.links)


def _linked(page: Page, heard: _Heard) -> Page:
    """Add where the list goes on; a link nobody can follow leaves it short."""
    if heard.is_linked and heard.max_id is None:
        return replace(page, short_because="the server's link to the next page has no max_id")
    return replace(page, next_cursor=heard.max_id)


def _refused(what: str, status: int, wait: float | None, with_token: bool) -> StillreachError | None:
    """Say what an answer's status means for us; None where it is good."""
    thing = f"mastodon: {what}"
    if status == 429:
        return PlatformBusyError(thing, "the server asks to wait (429)", wait_seconds=wait)
    if status >= 500 or status in (408, 425):
        return PlatformBusyError(thing, f"the server answers {status}", wait_seconds=wait)
    if status == 401 or (status == 403 and what != "quote list"):
        hint = "see that the token is valid and may read accounts and statuses"
        return PlatformRefusedError(
            thing, f"the server answers {status}", hint=hint if with_token else "this server wants a token"
        )
    if status >= 400:
        gone = "is not there" if status in (404, 410) else "is refused"
        return ListRefusedError(thing, f"{gone} ({status})")
    return None


def _garbled(what: str, answer: requests.Response) -> StillreachError:
    """A page for people where JSON is due is no Mastodon API; JSON that ends early is a mishap."""
    if "json" in answer.headers.get("content-type", "json").lower():
        return PlatformBusyError(f"mastodon: {what}", "the answer is cut off or garbled")
    hint = "see that the handle's server, or base_url, is where the API is"
    return SchemaError(f"mastodon: {what}", "the answer is no JSON", known=("application/json",), hint=hint)


def _wait(headers: Mapping[str, str]) -> float | None:
    """Seconds until the server wants to be asked again: `Retry-After`, else its reset, by the server's own clock."""
    now = _when(headers.get("date")) or datetime.now(UTC)
    after = headers.get("retry-after", "").strip()
    if after.isdecimal():
        return float(after[:9])
    back = _when(after) or _when(headers.get("x-ratelimit-reset"))
    return None if back is None else max(0.0, (back - now).total_seconds())


def _when(text: str | None) -> datetime | None:
    """Read an instant as servers write it: ISO (Mastodon), epoch seconds (GoToSocial), or an HTTP date."""
    text = (text or "").strip()
    try:
        if text.isdecimal():
            return datetime.fromtimestamp(int(text), UTC)
        read = datetime.fromisoformat(text) if "T" in text[:12] else email.utils.parsedate_to_datetime(text)
    except (ValueError, OverflowError, OSError):
        return None
    return read if read.tzinfo else read.replace(tzinfo=UTC)
