"""A tiny Mastodon server's answers, as known or with one drift, and the parts to script larger servers.

Field for field what a recorded server (Mastodon 4.6) answers, with invented people.
"""

import datetime
import json
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pipelines.common.contract import contracts
from pipelines.extract.files.drop import write_tables
from pipelines.extract.mastodon.connector import Connector
from pipelines.extract.pulls import journal
from pipelines.extract.pulls.listing import ListAccount
from pipelines.extract.pulls.pull import Options, Patience, pull
from pipelines.extract.pulls.source import Source
from pipelines.reference.files import Account
from tests.extract.loopback import Answer, Request, Server, serve

FIGURES: tuple[str, ...] = ("likes", "replies", "reposts", "quotes")
NAMES = {"likes": "favourites_count", "replies": "replies_count", "reposts": "reblogs_count", "quotes": "quotes_count"}
OURS = Account(platform="mastodon", account_id="1171", handle="police@social.example", name="Police", role="own")
SINCE, TODAY = datetime.date(2026, 10, 26), datetime.date(2026, 11, 23)
AT_ONCE = Patience(wait_initial=0.0, wait_max=0.0, wait_jitter=0.0, wait_scale=0.0)


def person(acct: str = "rider1", **more: Any) -> dict[str, Any]:
    """Write one account; a field given as None is left out."""
    known: dict[str, Any] = {
        "id": f"9{acct.removeprefix('rider').partition('@')[0]}",
        "username": acct.partition("@")[0],
        "acct": acct,
        "display_name": "Rider",
        "locked": False,
        "bot": False,
        "discoverable": True,
        "indexable": False,
        "group": False,
        "created_at": "2019-04-01T00:00:00.000Z",
        "note": "<p>Two wheels</p>",
        "url": f"https://social.example/@{acct}",
        "uri": f"https://social.example/users/{acct}",
        "followers_count": 12,
        "following_count": 34,
        "statuses_count": 56,
        "last_status_at": "2026-11-20",
        "emojis": [],
        "roles": [],
        "fields": [{"name": "Location", "value": "Kendal", "verified_at": None}],
    }
    return {name: value for name, value in (known | more).items() if value is not None}


def status(status_id: str = "5001", author: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """Write one status, by us where no author is given; a field given as None is left out."""
    known: dict[str, Any] = {
        "id": status_id,
        "created_at": "2026-11-20T08:15:00.000Z",
        "sensitive": False,
        "spoiler_text": "",
        "visibility": "public",
        "language": "en",
        "uri": f"https://social.example/users/police/statuses/{status_id}",
        "url": f"https://social.example/@police/{status_id}",
        "replies_count": 0,
        "reblogs_count": 0,
        "favourites_count": 0,
        "quotes_count": 0,
        "content": "<p>Ride safe</p>",
        "account": author or person("police", id="1171"),
        "media_attachments": [],
        "mentions": [],
        "tags": [],
        "emojis": [],
    }
    return {name: value for name, value in (known | more).items() if value is not None}


NOT_KNOWN_TO_TAKAHE = ("indexable", "uri", "roles")


def takahe_person(acct: str = "rider1", **more: Any) -> dict[str, Any]:
    """Write one account as Takahe does: other fields than Mastodon's, and null where Mastodon leaves a field out."""
    kept = {name: value for name, value in person(acct).items() if name not in NOT_KNOWN_TO_TAKAHE}
    picture = "https://social.example/picture.png"
    pictures = dict.fromkeys(("avatar", "avatar_static", "header", "header_static"), picture)
    flags = {"suspended": False, "limited": False, "moved": None, "source": None, "last_status_at": None}
    return kept | pictures | flags | more


def takahe_status(status_id: str = "5001", author: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """Write one status as Takahe does: it counts no quotes."""
    known = status(status_id, author or takahe_person("police", id="1171"))
    unknown = dict.fromkeys(("in_reply_to_id", "in_reply_to_account_id", "reblog", "poll", "card", "edited_at"))
    flags = dict.fromkeys(("favourited", "reblogged", "muted", "bookmarked", "pinned"), False)
    return {name: value for name, value in known.items() if name != "quotes_count"} | unknown | flags | more


def takahe_server(request: Request) -> Answer:
    """Answer as Takahe does: a link after every page that holds entries, 404 as HTML, at most 40 of a post's likes.

    Our account has 90 followers and three posts; the newest has 60 likes, 30 boosts and 2 answers.
    """
    name = request.path.rpartition("/")[2]
    people = [takahe_person(f"rider{n}") for n in range(90, 0, -1)]
    newest = takahe_status("5003", favourites_count=60, reblogs_count=30, replies_count=2)
    lists = {
        f"/api/v1/accounts/{OURS.account_id}/followers": people,
        f"/api/v1/accounts/{OURS.account_id}/statuses": [newest, takahe_status("5002"), takahe_status("5001")],
        "/api/v1/statuses/5003/favourited_by": people[:40],
        "/api/v1/statuses/5003/reblogged_by": people[:30],
    }
    if request.path in lists:
        answer = paged(lists[request.path], request, 40)
        link = (
            f'<https://social.example{request.path}?max_id={answer.body[-1]["id"]}>; rel="next"' if answer.body else ""
        )
        # A page that starts after the last entry is empty: that is how its lists end.
        return Answer(200, answer.body, {"link": link} if link else {})
    if request.path == "/api/v1/statuses/5003/context":
        below = [takahe_status(f"600{n}", takahe_person(f"rider{n}"), in_reply_to_id="5003") for n in (1, 2)]
        return Answer(200, {"ancestors": [], "descendants": below})
    if name == OURS.account_id:
        return Answer(200, takahe_person("police", id="1171", followers_count=90))
    page = "<!DOCTYPE html><html><body>Not found</body></html>"
    return Answer(404, page, {"content-type": "text/html; charset=utf-8"})


def paged(entries: Sequence[Any], request: Request, size: int) -> Answer:
    """Give a page of a list that is newest first, with the link to the next as Mastodon gives it."""
    asked = request.first("max_id")
    start = next((n for n, one in enumerate(entries, start=1) if one["id"] == asked), 0) if asked else 0
    page = entries[start : start + size]
    links = {}
    if start + size < len(entries):
        links["link"] = f'<https://social.example{request.path}?limit={size}&max_id={page[-1]["id"]}>; rel="next"'
    return Answer(200, list(page), links)


def folder_server(path: Path) -> Callable[[Request], Answer]:
    """Answer with the JSON files of a folder, named for the last part of an address."""

    def answer(request: Request) -> Answer:
        name = request.path.rpartition("/")[2]
        file = path / f"{name if name.isalpha() or '_' in name else 'profile'}.json"
        return Answer(200, json.loads(file.read_text(encoding="utf-8"))) if file.exists() else Answer(404, {})

    return answer


def pulled(
    server: Server, folder: Path, out: Path | None = None, account: Account = OURS, **options: Any
) -> list[ListAccount]:
    """Pull one account from a server on loopback through the real client and puller; write the drop's tables."""
    settings = {name: options.pop(name) for name in ("secret", "follower_lists") if name in options}
    source = Source("mastodon", base_url=server.url, request_seconds=options.get("request_seconds", 30), **settings)
    connector = Connector(source, SINCE, TODAY)
    asked: dict[str, Any] = {"patience": AT_ONCE, "concurrency": 1} | options
    lists = pull(connector, connector.first_lists(account), folder, Options(**asked))
    book = journal.reading(folder)
    if out is not None and book is not None:
        tables = ("follower", "post", "engagement", "account_day")
        columns = {table: contracts("raw")[table].column_names for table in tables}
        write_tables({out / f"{table}.csv": (columns[table], journal.rows_of(folder, book, table)) for table in tables})
    return lists


def write(folder: Path, drift: str, figures: dict[str, int | None] | None = None) -> Path:
    """Write the answers about an account with one follower and one post; a figure that is None is left out."""
    given = dict.fromkeys(FIGURES, 1) | (figures or {})
    counts: dict[str, Any] = {NAMES[name]: value for name, value in given.items()}
    post = status(**counts)
    if drift == "unknown column":
        post["glow"] = 3
    elif drift == "missing column":
        del post["created_at"]
    elif drift == "retyped column":
        post["favourites_count"] = "many"
    else:
        assert drift == "as known"
    folder.mkdir(parents=True, exist_ok=True)
    answers = {
        "profile": person("police", id="1171", followers_count=1),
        "followers": [person()],
        "statuses": [post],
        "favourited_by": [person()],
        "reblogged_by": [person("rider2")],
        "context": {"ancestors": [], "descendants": [status("5002", person(), in_reply_to_id="5001")]},
    }
    for name, answer in answers.items():
        (folder / f"{name}.json").write_text(json.dumps(answer), encoding="utf-8")
    return folder


def read(path: Path, out: Path) -> list[str]:
    """Pull what the folder answers, through the real client."""
    with serve(folder_server(path)) as server, tempfile.TemporaryDirectory() as work:
        lists = pulled(server, Path(work) / "pull" / "mastodon" / "day" / "account", out)
    unknown = sorted({name for one in lists for name in one.unknown_fields})
    return [f"unknown field {name}, not read" for name in unknown] + [note for one in lists for note in one.notes]
