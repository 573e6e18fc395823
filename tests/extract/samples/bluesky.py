"""A tiny AppView's answers, as known or with one drift, and the parts to script larger ones.

Field for field what a real AppView on loopback answered, with invented people.
"""

import datetime
import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipelines.common.contract import contracts
from pipelines.extract.bluesky.connector import Connector
from pipelines.extract.files.drop import write_tables
from pipelines.extract.pulls import journal
from pipelines.extract.pulls.listing import ListAccount
from pipelines.extract.pulls.pull import Options, Patience, pull
from pipelines.extract.pulls.source import Source
from pipelines.reference.files import Account
from tests.extract.loopback import Answer, Request, Server, serve

FIGURES: tuple[str, ...] = ("likes", "replies", "reposts", "quotes")
NAMES = {"likes": "likeCount", "replies": "replyCount", "reposts": "repostCount", "quotes": "quoteCount"}
DID = "did:plc:ourbikers"
OURS = Account(platform="bluesky", account_id=DID, handle="bikers.test", name="Bikers", role="own")
SINCE, TODAY = datetime.date(2026, 10, 26), datetime.date(2026, 11, 23)
AT_ONCE = Patience(wait_initial=0.0, wait_max=0.0, wait_jitter=0.0, wait_scale=0.0)
TABLES = ("follower", "post", "engagement", "account_day")
XRPC = {
    "getProfiles": "/xrpc/app.bsky.actor.getProfiles",
    "getFollowers": "/xrpc/app.bsky.graph.getFollowers",
    "getAuthorFeed": "/xrpc/app.bsky.feed.getAuthorFeed",
    "getLikes": "/xrpc/app.bsky.feed.getLikes",
    "getRepostedBy": "/xrpc/app.bsky.feed.getRepostedBy",
    "getQuotes": "/xrpc/app.bsky.feed.getQuotes",
    "getPostThread": "/xrpc/app.bsky.feed.getPostThread",
}
METHOD_OF = {path: method for method, path in XRPC.items()}


def without_none(known: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in known.items() if value is not None}


def person(name: str = "rider1", **more: Any) -> dict[str, Any]:
    """Write one profile; a field given as None is left out."""
    known: dict[str, Any] = {
        "did": f"did:plc:{name}",
        "handle": f"{name}.test",
        "displayName": name.capitalize(),
        "associated": {"activitySubscription": {"allowSubscriptions": "followers"}},
        "labels": [],
        "description": "Two wheels",
        "createdAt": "2026-11-22T16:38:40.000Z",
        "indexedAt": "2026-11-22T16:38:41.878Z",
    }
    return without_none(known | more)


def us(**more: Any) -> dict[str, Any]:
    return person("ourbikers", handle="bikers.test") | more


def post(key: str = "p1", author: dict[str, Any] | None = None, record: Any = None, **more: Any) -> dict[str, Any]:
    """Write one post, by us where no author is given; a field given as None is left out."""
    author = author or us()
    reported = {"text": "Ride safe", "$type": "app.bsky.feed.post", "createdAt": "2026-11-20T08:15:00.123456+00:00"}
    known: dict[str, Any] = {
        "uri": f"at://{author['did']}/app.bsky.feed.post/{key}",
        "cid": "bafyreiau7slgsqv2zl2lm3hdv6di7bip6n4eic7djhi7ipajhxb6te3tnq",
        "author": author,
        "record": without_none(reported | (record or {})),
        "bookmarkCount": 0,
        "replyCount": 0,
        "repostCount": 0,
        "likeCount": 0,
        "quoteCount": 0,
        "indexedAt": "2026-11-20T08:15:01.000Z",
        "labels": [],
    }
    return without_none(known | more)


def like(name: str = "rider1") -> dict[str, Any]:
    stamps = {"createdAt": "2026-11-20T09:00:00.000Z", "indexedAt": "2026-11-20T09:00:02.000Z"}
    return {"actor": person(name), **stamps}


def reply(name: str = "rider1", key: str = "r1", text: str = "Thanks", **more: Any) -> dict[str, Any]:
    """Write one direct reply as a thread holds it."""
    ref = {"cid": "bafy", "uri": post()["uri"], "$type": "com.atproto.repo.strongRef"}
    record = {"text": text, "reply": {"root": ref, "parent": ref}, "createdAt": "2026-11-20T10:00:00.000Z"}
    node = {"post": post(key, person(name), record), "replies": [], "threadContext": {}}
    return {**node, "$type": "app.bsky.feed.defs#threadViewPost", **more}


@dataclass
class Town:
    """What an AppView knows: profiles, our followers, our feed, and who interacted with each post."""

    profiles: list[dict[str, Any]] = field(default_factory=lambda: [us(followersCount=1)])
    followers: Sequence[Any] = ()
    feed: Sequence[Any] = ()
    likes: Sequence[Any] = ()
    reposts: Sequence[Any] = ()
    quotes: Sequence[Any] = ()
    replies: Sequence[Any] = ()
    size: int = 100

    def __call__(self, request: Request) -> Answer:
        """Answer as the AppView does: pages of at most 100, the next one's cursor only where there is one."""
        match METHOD_OF[request.path]:
            case "getProfiles":
                asked = set(request.query["actors"])
                here = [profile for profile in self.profiles if asked & {profile["did"], profile["handle"]}]
                return Answer(200, {"profiles": here})
            case "getFollowers":
                return self._page(request, "followers", self.followers, subject=us())
            case "getAuthorFeed":
                return self._page(request, "feed", self.feed)
            case "getLikes":
                return self._page(request, "likes", self.likes, uri=request.first("uri"))
            case "getRepostedBy":
                return self._page(request, "repostedBy", self.reposts, uri=request.first("uri"))
            case "getQuotes":
                return self._page(request, "posts", self.quotes, uri=request.first("uri"))
            case "getPostThread":
                thread = {"$type": "app.bsky.feed.defs#threadViewPost", "post": post(), "replies": list(self.replies)}
                return Answer(200, {"thread": thread})
        raise AssertionError(request.path)

    def _page(self, request: Request, name: str, entries: Sequence[Any], **more: Any) -> Answer:
        start = int((request.first("cursor") or "0__").partition("__")[0])
        end = start + min(self.size, int(request.first("limit") or 50))
        body: dict[str, Any] = {name: list(entries[start:end]), **more}
        return Answer(200, body | ({"cursor": f"{end}__bafy"} if end < len(entries) else {}))


def folder_server(path: Path) -> Callable[[Request], Answer]:
    """Answer with the JSON files of a folder, named for the method."""

    def answer(request: Request) -> Answer:
        return Answer(200, json.loads((path / f"{METHOD_OF[request.path]}.json").read_text(encoding="utf-8")))

    return answer


def connected(server: Server, **settings: Any) -> Connector:
    return Connector(Source("bluesky", base_url=server.url, **settings), SINCE, TODAY)


def pulled(
    server: Server, folder: Path, out: Path | None = None, account: Account = OURS, **options: Any
) -> list[ListAccount]:
    """Pull one account from a server on loopback through the real client and puller; write the drop's tables."""
    connector = connected(server, request_seconds=options.get("request_seconds", 30))
    asked: dict[str, Any] = {"patience": AT_ONCE, "concurrency": 1} | options
    lists = pull(connector, connector.first_lists(account), folder, Options(**asked))
    book = journal.reading(folder)
    if out is not None and book is not None:
        columns = {table: contracts("raw")[table].column_names for table in TABLES}
        write_tables({out / f"{name}.csv": (columns[name], journal.rows_of(folder, book, name)) for name in TABLES})
    return lists


def write(folder: Path, drift: str, figures: dict[str, int | None] | None = None) -> Path:
    """Write the answers about an account with one follower and one post; a figure that is None is left out."""
    given: dict[str, Any] = dict.fromkeys(FIGURES, 1) | (figures or {})
    ours = post(**{NAMES[name]: value for name, value in given.items()})
    if drift == "unknown column":
        ours["glow"] = 3
    elif drift == "missing column":
        del ours["record"]["createdAt"]
    elif drift == "retyped column":
        ours["likeCount"] = "many"
    else:
        assert drift == "as known"
    town = Town(
        followers=[person()],
        feed=[{"post": ours}],
        likes=[like()],
        reposts=[person("rider2")],
        quotes=[post("q1", person("rider3"), {"text": "Look"})],
        replies=[reply()],
    )
    folder.mkdir(parents=True, exist_ok=True)
    for method, path in XRPC.items():
        body = town(Request("GET", path, {"actors": [DID], "uri": [ours["uri"]]}, {})).body
        (folder / f"{method}.json").write_text(json.dumps(body), encoding="utf-8")
    return folder


def read(path: Path, out: Path) -> list[str]:
    """Pull what the folder answers, through the real client."""
    with serve(folder_server(path)) as server, tempfile.TemporaryDirectory() as work:
        lists = pulled(server, Path(work) / "pull" / "bluesky" / "day" / "account", out)
    unknown = sorted({name for one in lists for name in one.unknown_fields})
    return [f"unknown field {name}, not read" for name in unknown] + [note for one in lists for note in one.notes]
