"""A tiny X: answers in either vocabulary, as known or with one drift, and the parts to script larger ones."""

import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Literal

from pipelines.common.contract import contracts
from pipelines.common.settings import SHIPPED_REF, Settings
from pipelines.extract.files.drop import write_tables
from pipelines.extract.pulls import journal
from pipelines.extract.pulls.budget import Budget
from pipelines.extract.pulls.credential import Secret
from pipelines.extract.pulls.listing import ListAccount
from pipelines.extract.pulls.price import read_prices
from pipelines.extract.pulls.pull import Options, Patience, pull
from pipelines.extract.pulls.source import Source
from pipelines.extract.x.connector import Connector
from pipelines.extract.x.rows import SNOWFLAKE_EPOCH
from pipelines.reference.files import Account
from tests.extract.loopback import Answer, Request, Server, serve

FIGURES: tuple[str, ...] = ("impressions", "likes", "replies", "reposts", "quotes", "clicks")
OURS = Account(platform="x", account_id="1", handle="force", name="The Force", role="own")
SEED = Account(platform="x", account_id="91", handle="throttle", name="Throttle", role="seed")
SINCE, TODAY = date(2026, 10, 26), date(2026, 11, 23)
AT_ONCE = Patience(attempts=4, wait_initial=0.0, wait_max=0.0, wait_jitter=0.0, wait_scale=0.0)
TABLES = ("follower", "post", "engagement", "account_day")
Words = Literal["post", "tweet"]
PROBLEM = "https://api.twitter.com/2/problems/"
METRICS = {"likes": "like_count", "replies": "reply_count", "quotes": "quote_count", "impressions": "impression_count"}
REFUSED = {"title": "Invalid Request", "type": f"{PROBLEM}invalid-request", "detail": "One or more parameters ..."}


def snowflake(at: datetime, n: int = 0) -> str:
    """Give an id as X makes it: milliseconds since its epoch, shifted."""
    return str((int((at - SNOWFLAKE_EPOCH).total_seconds() * 1000) << 22) + n)


def user(user_id: str, words: Words = "post", **more: Any) -> dict[str, Any]:
    """Write one user; a field given as None is left out."""
    known: dict[str, Any] = {
        "id": user_id,
        "username": f"rider{user_id}",
        "name": "Rider",
        "description": "Two wheels",
        "location": "Kendal",
        "created_at": "2013-12-14T04:35:55.000Z",
        "protected": False,
        "public_metrics": {"followers_count": 12, "following_count": 34, "listed_count": 7, f"{words}_count": 56},
    }
    return {name: value for name, value in (known | more).items() if value is not None}


def post(
    post_id: str, words: Words = "post", figures: dict[str, int | None] | None = None, **more: Any
) -> dict[str, Any]:
    """Write one post; a figure or field given as None is left out."""
    given: dict[str, int | None] = {**dict.fromkeys(FIGURES, 0), **(figures or {})}
    public: dict[str, int | None] = {METRICS[name]: n for name, n in given.items() if name in METRICS}
    public["repost_count" if words == "post" else "retweet_count"] = given["reposts"]
    public["bookmark_count"] = 1
    known: dict[str, Any] = {
        "id": post_id,
        "text": "Ride safe #A6",
        "created_at": "2026-11-20T08:15:00.000Z",
        "conversation_id": post_id,
        "entities": {"hashtags": [{"start": 10, "end": 13, "tag": "A6"}]},
        "public_metrics": {name: n for name, n in public.items() if n is not None},
        "non_public_metrics": None if given["clicks"] is None else {"url_link_clicks": given["clicks"]},
        f"edit_history_{words}_ids": [post_id],
    }
    return {name: value for name, value in (known | more).items() if value is not None}


@dataclass
class World:
    """A scripted X: lists by account or post, paged as asked, in one vocabulary; other words get a 400."""

    words: Words = "post"
    followers: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    posts: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    acts: dict[tuple[str, str], list[Any]] = field(default_factory=dict)  # (kind, post id)
    n_told: dict[str, int] = field(default_factory=dict)  # followers_count, where it is not the list's
    served: list[tuple[str, str]] = field(default_factory=list)  # (what it is charged as, id), in order

    def __call__(self, request: Request) -> Answer:
        other = "tweet.fields" if self.words == "post" else "post.fields"
        if other in request.query:
            return Answer(400, {"errors": [{"parameters": {other: []}, "message": "unknown"}], **REFUSED})
        parts = request.path.strip("/").split("/")
        match parts:
            case ["2", "users", account]:
                return self._profile(account)
            case ["2", "users", account, "followers"]:
                return self._page(request, self.followers.get(account, []), "follower")
            case ["2", "users", account, "tweets"]:
                return self._page(request, self.posts.get(account, []), "own post")
            case ["2", "tweets", "search", "recent"]:
                query = request.first("query") or ""
                return self._page(request, self.acts.get(("reply", query.split()[0].partition(":")[2]), []), "post")
            case ["2", "tweets", post_id, way]:
                kind = {"liking_users": "like", "retweeted_by": "repost", "quote_tweets": "quote"}[way]
                entries = self.acts.get((kind, post_id), [])
                return self._page(request, entries[:100] if kind == "like" else entries, kind)
        return Answer(404, {"title": "Not Found", "type": "about:blank"})

    def _profile(self, account: str) -> Answer:
        if account not in self.followers:
            gone = {"resource_type": "user", "resource_id": account, "type": f"{PROBLEM}resource-not-found"}
            return Answer(200, {"errors": [gone | {"title": "Not Found Error", "detail": f"no {account}"}]})
        self.served.append(("profile", account))
        n = self.n_told.get(account, len(self.followers[account]))
        metrics = {"followers_count": n, "following_count": 3, "listed_count": 0}
        metrics[f"{self.words}_count"] = 5
        return Answer(200, {"data": user(account, public_metrics=metrics)})

    def _page(self, request: Request, entries: Sequence[Any], kind: str) -> Answer:
        size, start = int(request.first("max_results") or 100), int(request.first("pagination_token") or 0)
        page = list(entries[start : start + size])
        self.served += [(kind, one["id"]) for one in page if one]
        meta: dict[str, Any] = {"result_count": len(page)}
        if start + size < len(entries):
            meta["next_token"] = f"{start + size:016d}"
        body: dict[str, Any] = {"meta": meta} | ({"data": page} if page else {})
        if page and "author_id" in (request.first("expansions") or ""):
            authors = dict.fromkeys(one["author_id"] for one in page)
            body["includes"] = {"users": [{"id": one, "name": "R", "username": "r"} for one in authors]}
            self.served += [("author", one) for one in authors]
        return Answer(200, body)


def world(n_followers: int = 25, words: Words = "post", figures: dict[str, int | None] | None = None) -> World:
    """Make an X with followers and one post that was liked, reposted, quoted and answered once."""
    post_id = snowflake(datetime.now(UTC))
    worded = {"author_id": "701", "created_at": "2026-11-20T09:00:00.000Z", "text": "Thanks"}
    people = [user(str(500 + n), words) for n in range(n_followers)]
    ours = post(post_id, words, {**dict.fromkeys(FIGURES, 1), **(figures or {})})
    acts: dict[tuple[str, str], list[Any]] = {
        ("like", post_id): [user("701", words)],
        ("repost", post_id): [user("702", words)],
        ("quote", post_id): [{"id": snowflake(datetime.now(UTC), 1), **worded}],
        ("reply", post_id): [{"id": snowflake(datetime.now(UTC), 2), **worded}],
    }
    return World(words, {"1": people, "91": people[:3]}, {"1": [ours]}, acts)


def settings_in(folder: Path) -> Settings:
    """Make a deployment's settings in a folder, with the shipped prices."""
    return Settings(data=folder, ref=SHIPPED_REF, key_file=folder / "member.key")


def source_of(url: str, **more: Any) -> Source:
    """Configure the source for a server on loopback."""
    given: dict[str, Any] = {"terms_confirmed": "enterprise", "budget_usd_per_month": 1000.0, "request_seconds": 20}
    given["secret"] = Secret("token-that-nobody-sees")
    return Source("x_api", base_url=url, **(given | more))


def pulled(
    server: Server, folder: Path, out: Path | None = None, account: Account = OURS, **options: Any
) -> list[ListAccount]:
    """Pull one account from a server on loopback through the real client and puller; write the drop's tables."""
    mine = ("terms_confirmed", "budget_usd_per_month", "follower_lists", "days", "secret")
    source = source_of(
        server.url,
        request_seconds=options.get("request_seconds", 20),
        **{name: options.pop(name) for name in mine if name in options},
    )
    settings = settings_in(folder)
    budget = Budget(settings, "x_api", source.budget_usd_per_month or 0, read_prices(settings), patience=0.2)
    connector = Connector(source, SINCE, TODAY, budget)
    book_folder = folder / "work" / "pull" / "x_api" / "day" / account.account_id
    how: dict[str, Any] = {"patience": AT_ONCE, "concurrency": 1} | options
    lists = pull(connector, connector.first_lists(account), book_folder, Options(**how))
    if out is not None and (book := journal.reading(book_folder)):
        columns = {table: contracts("raw")[table].column_names for table in TABLES}
        rows = {table: journal.rows_of(book_folder, book, table) for table in TABLES}
        write_tables({out / f"{table}.csv": (columns[table], rows[table]) for table in TABLES})
    return lists


def write(folder: Path, drift: str, figures: dict[str, int | None] | None = None) -> Path:
    """Write the answers about an account with one follower and one post."""
    known = world(1, figures=figures)
    ours = known.posts["1"][0]
    if drift == "unknown column":
        ours["glow"] = 3
    elif drift == "missing column":
        del ours["created_at"]
    elif drift == "retyped column":
        ours["public_metrics"]["like_count"] = "many"
    else:
        assert drift == "as known"
    folder.mkdir(parents=True, exist_ok=True)
    acts = [[*key, entries] for key, entries in known.acts.items()]
    declared = {"followers": known.followers, "posts": known.posts, "acts": acts}
    (folder / "answers.json").write_text(json.dumps(declared), encoding="utf-8")
    return folder


def answers_of(path: Path) -> Callable[[Request], Answer]:
    """Answer with what `write` wrote."""
    found = json.loads((path / "answers.json").read_text(encoding="utf-8"))
    return World("post", found["followers"], found["posts"], {(kind, key): some for kind, key, some in found["acts"]})


def read(path: Path, out: Path) -> list[str]:
    """Pull what the folder answers, through the real client."""
    with serve(answers_of(path)) as server, tempfile.TemporaryDirectory() as work:
        lists = pulled(server, Path(work), out)
    unknown = sorted({name for one in lists for name in one.unknown_fields})
    return [f"unknown field {name}, not read" for name in unknown] + [note for one in lists for note in one.notes]
