"""The Mastodon connector against recorded servers and a scripted one, always through the real client."""

import asyncio
import json
import logging
import time
import traceback
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, TypeVar

import pytest
import yaml

from pipelines.common.errors import (
    ListRefusedError,
    PlatformBusyError,
    PlatformRefusedError,
    RefError,
    SchemaError,
    SettingsError,
    StillreachError,
)
from pipelines.common.settings import ROOT
from pipelines.extract.mastodon import connector, rows
from pipelines.extract.mastodon.connector import Connector
from pipelines.extract.pulls.credential import Secret
from pipelines.extract.pulls.listing import Kind, ListAccount, Listing, Page
from pipelines.extract.pulls.source import Source
from pipelines.reference.files import Account
from tests.extract.loopback import FAULTS, Answer, Faults, Request, serve
from tests.extract.samples.mastodon import (
    OURS,
    SINCE,
    TODAY,
    paged,
    person,
    pulled,
    status,
)
from tests.extract.samples.mastodon import (
    takahe_server as takahe_like,
)

T = TypeVar("T")
RECORDED = ROOT.parent / "shared" / "data"
CASSETTES, TAKAHE = RECORDED / "mastodon-py-cassettes", RECORDED / "takahe-mastodon-api"
TAKAHE_ID, TAKAHE_POST = "647372229985581834", "647372625480664128"
TOKEN = "tok-3f9a77c1d5e2"
recorded = pytest.mark.skipif(not TAKAHE.exists(), reason="needs ../shared/data, which is not here")


def ask(url: str, work: Callable[[Connector], Awaitable[T]], account: Account = OURS, **settings: Any) -> T:
    """Run one connector for one account and close it."""

    async def run() -> T:
        connector = Connector(Source("mastodon", base_url=url, **settings), SINCE, TODAY)
        connector.first_lists(account)
        try:
            return await work(connector)
        finally:
            await connector.close()

    return asyncio.run(run())


def one_page(
    answer: Answer | Callable[[Request], Answer], kind: Kind, cursor: str | None = None, **options: Any
) -> Page:
    """Ask a server that always answers the same for one page."""
    n_reported = options.pop("n_reported", None)
    post_id = "" if kind in ("follower", "post") else options.pop("post_id", "5001")
    account = options.pop("account", OURS)
    listing = Listing(kind, "mastodon", account.account_id, post_id, n_reported)
    with serve(answer if callable(answer) else lambda _: answer) as server:
        return ask(server.url, lambda connector: connector.page(listing, cursor), account, **options)


def ours(account_id: str, handle: str | None) -> Account:
    return Account(platform="mastodon", account_id=account_id, handle=handle, role="own")


def members(page: Page) -> list[str | None]:
    return [row["member_id"] for _, row in page.rows]


# What real servers answered.


def cassette(name: str, part: str) -> list[Answer]:
    """Read the recorded GET answers of one cassette whose address holds `part`, with the headers that matter."""
    spoken = yaml.load((CASSETTES / f"{name}.yaml").read_text(encoding="utf-8"), yaml.CSafeLoader)["interactions"]
    kept = ("link", "x-ratelimit-reset", "x-ratelimit-remaining", "x-ratelimit-limit", "content-type")
    return [
        Answer(
            one["response"]["status"]["code"],
            one["response"]["body"]["string"],
            {key.lower(): value[0] for key, value in one["response"]["headers"].items() if key.lower() in kept},
        )
        for one in spoken
        if one["request"]["method"] == "GET" and part in one["request"]["uri"]
    ]


def takahe(name: str) -> Answer:
    """Read one recorded answer of Takahe."""
    read = json.loads((TAKAHE / f"{name}.json").read_text(encoding="utf-8"))
    headers = {"link": read["link"]} if read["link"] else {}
    if isinstance(read["body"], str):
        headers["content-type"] = "text/html; charset=utf-8"
    return Answer(read["status"], read["body"], headers)


@recorded
@pytest.mark.parametrize(
    ("name", "part", "kind", "nth", "n_rows", "next_cursor"),
    [
        ("test_account_followers", "/followers", "follower", 0, 0, None),
        ("test_get_pagination_info", "/statuses?", "post", 0, 5, "117020581882406424"),
        ("test_status_favourited_by", "/favourited_by", "like", 0, 1, None),
        ("test_status_reblogged_by", "/reblogged_by", "repost", 0, 1, None),
        ("test_status_reblogged_by", "/reblogged_by", "repost", 1, 0, None),
        ("test_status_context", "/context", "reply", 0, 0, None),
    ],
)
def test_every_recorded_page_of_mastodon(
    name: str, part: str, kind: Kind, nth: int, n_rows: int, next_cursor: str | None
) -> None:
    answer = cassette(name, part)[nth]
    account = ours("117020565966271181", "mastodonpy_test@localhost")
    with serve(lambda _: answer) as server:
        source = Source("mastodon", base_url=server.url)

        async def run() -> Page:
            connector = Connector(source, date(2026, 8, 1), date(2026, 8, 1))
            connector.first_lists(account)
            return await connector.page(
                Listing(kind, "mastodon", account.account_id, "7"), "own:" if kind == "follower" else None
            )

        page = asyncio.run(run())
    assert (len(page.rows), page.next_cursor, page.n_null_rows) == (n_rows, next_cursor, 0)
    assert list(page.unknown_fields) == []
    assert len(server.requests) == 1


@recorded
def test_recorded_profiles() -> None:
    (answer,) = cassette("test_account_followers", "verify_credentials")
    page = one_page(answer, "follower", account=ours("117020457910412882", "mastodonpy_test@localhost"))
    assert (page.n_reported, page.next_cursor) == (0, "own:")
    page = one_page(takahe("account"), "follower", account=ours(TAKAHE_ID, "rpubikers@localhost"))
    assert (page.n_reported, page.next_cursor) == (90, "own:")
    assert [row["value"] for _, row in page.rows] == ["90"]


@recorded
def test_links_lead_through_recorded_pages_of_a_real_server(tmp_path: Path) -> None:
    """The recorded pages of a tag stand for those of an account: the same entities, the same links."""
    pages = cassette("test_pagination_iterator", "/timelines/tag/")
    by_cursor: dict[str | None, Answer] = {}
    came_by: str | None = None
    for page in pages:
        by_cursor.setdefault(came_by, page)
        came_by = page.headers["link"].split("max_id=")[1].split(">")[0] if "link" in page.headers else None
        if came_by is None:
            by_cursor.setdefault("end", page)
            break
    expected = {one["id"] for page in by_cursor.values() for one in json.loads(page.content)}
    author = json.loads(pages[0].content)[0]["account"]
    account = ours(author["id"], f"{author['acct']}@localhost")

    def answer(request: Request) -> Answer:
        return by_cursor.get(request.first("max_id"), pages[-2])

    posts: list[Page] = []
    with serve(answer) as server:

        async def walk(connector: Connector) -> None:
            cursor: str | None = None
            while not posts or cursor is not None:
                listing = Listing("post", "mastodon", account.account_id)
                posts.append(await connector.page(listing, cursor))
                cursor = posts[-1].next_cursor

        async def run() -> None:
            connector = Connector(Source("mastodon", base_url=server.url), date(2026, 8, 1), date(2026, 8, 1))
            connector.first_lists(account)
            await walk(connector)

        asyncio.run(run())
    assert len(expected) > 20
    assert [row["post_id"] for page in posts for _, row in page.rows] == sorted(expected, reverse=True)


def takahe_server(request: Request) -> Answer:
    """Answer as the recorded Takahe did; the pages after the first, which were not recorded, go on in its manner."""
    name = request.path.rpartition("/")[2]
    later = request.first("max_id") is not None
    if name == "statuses":
        return Answer(200, [takahe("status").body]) if later else takahe("statuses_p1")
    if name == "followers":
        first = takahe("followers_p1")
        others = [{**first.body[0], "id": str(n), "acct": f"rider{n}@localhost"} for n in range(49, -1, -1)]
        return Answer(200, others) if later else first
    if name == TAKAHE_ID:
        return takahe("account")
    if TAKAHE_POST not in request.path:
        return takahe("notfound")
    return Answer(200, []) if later else takahe(name)


@recorded
def test_forty_of_sixty_are_partial_and_the_rest_of_takahe_is_complete(tmp_path: Path) -> None:
    account = ours(TAKAHE_ID, "rpubikers@localhost")
    with serve(takahe_server) as server:
        lists = pulled(server, tmp_path / "pull/mastodon/day/a", tmp_path / "out", account)
    came = {one.listing.kind: (one.n_collected, one.n_reported, one.scope) for one in lists}
    assert came == {
        "follower": (90, 90, "complete"),
        "post": (11, None, "complete"),
        "like": (40, 60, "partial"),
        "repost": (30, 30, "complete"),
        "reply": (5, 5, "complete"),
    }
    reason = {one.listing.kind: one.reason for one in lists}["like"]
    assert reason == "the server shows no more of them"
    assert (tmp_path / "out/follower.csv").read_text(encoding="utf-8").count("@localhost,2026-11-23,,rider") == 90
    assert len(server.requests) == 10  # profile, 2 followers, 2 statuses, 2 likes, 2 reposts, 1 thread


@recorded
def test_a_page_of_html_with_404_loses_one_list_only(tmp_path: Path) -> None:
    def answer(request: Request) -> Answer:
        return takahe("notfound") if "reblogged_by" in request.path else takahe_server(request)

    with serve(answer) as server:
        lists = pulled(server, tmp_path / "pull/mastodon/day/a", None, ours(TAKAHE_ID, "rpubikers@localhost"))
    partial = {one.listing.kind: one.reason for one in lists if one.scope == "partial"}
    assert partial.keys() == {"like", "repost"}
    assert partial["repost"].startswith("mastodon: repost list: is not there (404)")


@recorded
def test_the_recorded_reset_is_an_iso_instant() -> None:
    (answer,) = cassette("test_status_favourited_by", "/favourited_by")
    reset = answer.headers["x-ratelimit-reset"]
    assert reset == "2026-08-01T13:55:00.210662Z"
    spoilt = Answer(429, {"error": "Too many requests"}, {**answer.headers, "date": "Sat, 01 Aug 2026 13:54:00 GMT"})
    with pytest.raises(PlatformBusyError) as caught:
        one_page(spoilt, "like")
    assert caught.value.wait_seconds == pytest.approx(60.210662)


# The same on a small invented sample in Takahe's manner, where the recordings are not at hand.


def test_a_pull_from_takahe_is_complete_but_for_the_likes_it_hides(tmp_path: Path) -> None:
    with serve(takahe_like) as server:
        lists = pulled(server, tmp_path / "pull/mastodon/day/a", tmp_path / "out")
    assert {one.listing.kind: (one.n_collected, one.n_reported, one.scope) for one in lists} == {
        "follower": (90, 90, "complete"),
        "post": (3, None, "complete"),
        "like": (40, 60, "partial"),
        "repost": (30, 30, "complete"),
        "reply": (2, 2, "complete"),
    }
    assert {one.reason for one in lists if one.scope == "partial"} == {"the server shows no more of them"}
    assert not any(one.unknown_fields for one in lists)
    drop = drop_of(tmp_path / "out")
    assert {table: len(lines) - 1 for table, lines in drop.items()} == {
        "account_day": 1, "engagement": 72, "follower": 90, "post": 3,
    }  # fmt: skip


def test_a_page_of_html_with_404_loses_one_list_of_an_invented_server(tmp_path: Path) -> None:
    def answer(request: Request) -> Answer:
        gone = request.path.replace("5003/reblogged_by", "gone/reblogged_by")
        return takahe_like(replace(request, path=gone))

    with serve(answer) as server:
        lists = pulled(server, tmp_path / "pull/mastodon/day/a")
    partial = {one.listing.kind: one.reason for one in lists if one.scope == "partial"}
    assert partial.keys() == {"like", "repost"}
    assert partial["repost"].startswith("mastodon: repost list: is not there (404)")


# What a server may say instead of an answer.


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"retry-after": "17"}, 17.0),
        ({"retry-after": "Mon, 23 Nov 2026 03:00:30 GMT", "date": "Mon, 23 Nov 2026 03:00:00 GMT"}, 30.0),
        ({"x-ratelimit-reset": "1795403100", "date": "Mon, 23 Nov 2026 03:00:00 GMT"}, 300.0),
        ({"x-ratelimit-reset": "2026-11-23T03:01:00Z", "date": "Mon, 23 Nov 2026 03:00:00 GMT"}, 60.0),
        ({"x-ratelimit-reset": "2026-11-23T02:59:00Z", "date": "Mon, 23 Nov 2026 03:00:00 GMT"}, 0.0),
        ({"x-ratelimit-reset": "soon"}, None),
        ({}, None),
    ],
)
def test_waits_are_read_in_every_style_by_the_servers_clock(headers: dict[str, str], wait: float | None) -> None:
    assert connector._wait(headers) == wait
    with pytest.raises(PlatformBusyError) as caught:
        one_page(Answer(429, {"error": "x"}, headers), "like")
    assert caught.value.wait_seconds == wait


def test_a_reset_nobody_can_read_spoils_no_good_answer() -> None:
    link = '<https://social.example/api/v1/statuses/5001/favourited_by?max_id=7>; rel="next"'
    page = one_page(Answer(200, [person()], {"x-ratelimit-reset": "soon", "link": link}), "like")
    assert (members(page), page.next_cursor) == (["rider1@social.example"], "7")


@pytest.mark.parametrize(
    ("answer", "kind", "error"),
    [
        (Answer(500, "oops"), "like", PlatformBusyError),
        (Answer(503, "oops", {"retry-after": "5"}), "post", PlatformBusyError),
        (Answer(200, [person()], cut=True), "like", PlatformBusyError),
        (Answer(200, '[{"id": "1", "ac'), "like", PlatformBusyError),
        (Answer(200, "<html>hello</html>", {"content-type": "text/html"}), "like", SchemaError),
        (Answer(200, {"errors": [{"title": "x"}]}), "like", ListRefusedError),
        (Answer(200, {"error": "x"}), "reply", ListRefusedError),
        (Answer(200, {"likes": []}), "like", SchemaError),
        (Answer(200, "null"), "like", SchemaError),
        (Answer(200, '"a text"', {"link": '<https://a/?max_id=1>; rel="next"'}), "post", SchemaError),
        (Answer(401, {"error": "The access token is invalid"}), "post", PlatformRefusedError),
        (Answer(403, {"error": "outside the authorized scopes"}), "like", PlatformRefusedError),
        (Answer(302, "", {"location": "https://elsewhere.example/"}), "post", PlatformRefusedError),
        (Answer(404, "<html>", {"content-type": "text/html"}), "like", ListRefusedError),
        (Answer(410, {"error": "gone"}), "like", ListRefusedError),
        (Answer(422, {"error": "x"}), "repost", ListRefusedError),
    ],
)
def test_each_trouble_has_its_error(answer: Answer, kind: Kind, error: type[StillreachError]) -> None:
    with pytest.raises(error) as caught:
        one_page(answer, kind)
    assert caught.type is error
    assert caught.value.__context__ is None and caught.value.__cause__ is None


def test_a_server_that_hangs_is_left_after_its_time() -> None:
    begun = datetime.now(UTC)
    with pytest.raises(PlatformBusyError, match="no whole answer came in time"):
        one_page(Answer(hang=True), "like", request_seconds=0.2)
    assert (datetime.now(UTC) - begun).total_seconds() < 5


# The scripted world, spoilt.


def world(request: Request) -> Answer:
    """Answer for an account with seven followers, three posts in two pages, and one post of seven likes."""
    name = request.path.rpartition("/")[2]
    posts = [status("5003"), status("5002", favourites_count=7, replies_count=1), status("5001")]
    people = [person(f"rider{n}") for n in range(7, 0, -1)]
    if name == "statuses":
        return paged(posts, request, 2)
    if name in ("followers", "favourited_by"):
        return paged(people, request, 3)
    if name == "context":
        below = [status("6001", person("rider2@else.example"), in_reply_to_id="5002")]
        return Answer(200, {"ancestors": [], "descendants": below})
    assert name == OURS.account_id
    return Answer(200, person("police", id="1171", followers_count=7))


N_NEEDED = 1 + 3 + 2 + 3 + 1


def emptied(answer: Answer) -> Answer:
    """Empty a page in mid-list; one without a link is the last, and an empty last page is how lists end."""
    return Answer(200, [], answer.headers) if "link" in answer.headers else answer


def looped(answer: Answer, earlier: Answer) -> Answer:
    return Answer(200, answer.body, earlier.headers)


def drop_of(out: Path) -> dict[str, list[str]]:
    """Read a drop's lines, without the instant at which counts were read."""
    return {
        file.stem: sorted(line.rpartition(",")[0] for line in file.read_text(encoding="utf-8").splitlines())
        for file in sorted(out.glob("*.csv"))
    }


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """Pull the scripted world once, unspoilt."""
    folder = tmp_path_factory.mktemp("complete")
    with serve(world) as server:
        lists = pulled(server, folder / "pull/mastodon/day/a", folder / "out")
    assert len(server.requests) == N_NEEDED
    assert {one.scope for one in lists} == {"complete"}
    drop = drop_of(folder / "out")
    assert {table: len(lines) - 1 for table, lines in drop.items()} == {
        "account_day": 1,
        "engagement": 8,
        "follower": 7,
        "post": 3,
    }
    return drop


def n_listed(drop: dict[str, list[str]], kind: str, post_id: str) -> int:
    """How many rows of a drop belong to one list."""
    if kind in ("follower", "post"):
        return len(drop.get(kind, [""])) - 1
    return sum(f",{post_id},1171," in line and f",{kind}," in line for line in drop.get("engagement", ()))


@pytest.mark.parametrize("fault", FAULTS)
def test_no_fault_makes_a_part_pass_for_a_whole(fault: str, whole: dict[str, list[str]], tmp_path: Path) -> None:
    # A hang is waited for in earnest: once for each kind of list.
    for at in (1, 2, 5, 8, N_NEEDED) if fault == "hang" else range(1, N_NEEDED + 1):
        spoilt = Faults(world, {at: fault}, reset="iso", empty=emptied, loop=looped)
        folder = tmp_path / str(at)
        with serve(spoilt) as server:
            seconds = 0.3 if fault == "hang" else 30
            lists = pulled(server, folder / "pull/mastodon/day/a", folder / "out", request_seconds=seconds)
        drop = drop_of(folder / "out")
        assert len(server.requests) <= 2 * N_NEEDED
        for one in lists:
            if one.scope == "complete":
                kind, post_id = one.listing.kind, one.listing.post_id
                assert n_listed(drop, kind, post_id) == n_listed(whole, kind, post_id), (fault, at, kind)
        if fault in ("429", "500", "hang", "cut"):
            assert drop == whole, (fault, at)
            assert {one.scope for one in lists} == {"complete"}
        assert spoilt.injected or fault in ("repeat", "loop")


def test_errors_with_200_lose_their_list_and_say_so(tmp_path: Path) -> None:
    with serve(Faults(world, {1: "errors"})) as server:
        lists = pulled(server, tmp_path / "pull/mastodon/day/a", tmp_path / "out")
    partial = {one.listing.kind: one.reason for one in lists if one.scope == "partial"}
    assert partial == {"follower": "mastodon: profile: the server answers 200 with an error in place of the profile."}
    assert not (tmp_path / "out/follower.csv").exists()


# Lists that end before their count.


def follower_end(answer: Answer, cursor: str = "own:") -> str:
    return one_page(answer, "follower", cursor).short_because


def test_a_hidden_follower_list_is_partial(tmp_path: Path) -> None:
    def answer(request: Request) -> Answer:
        return Answer(200, []) if request.path.endswith(("followers", "statuses")) else world(request)

    with serve(answer) as server:
        followers, posts = pulled(server, tmp_path / "pull/mastodon/day/a")
    assert (followers.n_collected, followers.n_reported, followers.scope) == (0, 7, "partial")
    assert followers.reason.startswith("the server shows none of them")
    assert (posts.n_collected, posts.scope) == (0, "complete")


def test_nobody_follows_and_nobody_is_counted(tmp_path: Path) -> None:
    def answer(request: Request) -> Answer:
        empty = request.path.endswith(("followers", "statuses"))
        return Answer(200, [] if empty else person("police", id="1171", followers_count=0))

    with serve(answer) as server:
        followers, _ = pulled(server, tmp_path / "pull/mastodon/day/a")
    assert (followers.n_collected, followers.n_reported, followers.scope) == (0, 0, "complete")


def test_a_few_missing_followers_are_no_reason_but_another_server_is() -> None:
    assert follower_end(Answer(200, [person()])) == ""
    assert follower_end(Answer(200, [person()]), "other:5").startswith("the server asked is not the account's own")
    full = Answer(200, [person(f"rider{n}") for n in range(80)])
    assert follower_end(full) == "the server gave a full page and no link to the next"


def test_a_remote_account_is_known_by_its_acct() -> None:
    remote = one_page(Answer(200, person("seed@far.example")), "follower", account=ours("1", None))
    assert remote.next_cursor == "other:"
    local = one_page(Answer(200, person("police@social.example")), "follower")
    assert local.next_cursor == "own:"


def test_a_link_without_max_id_leaves_the_list_short() -> None:
    answer = Answer(200, [person()], {"link": '<https://social.example/x?page=2>; rel="next"'})
    for kind, cursor in (("follower", "own:"), ("like", None)):
        page = one_page(answer, kind, cursor)  # type: ignore[arg-type]
        assert page.next_cursor is None
        assert page.short_because == "the server's link to the next page has no max_id"


def test_a_thread_that_stops_at_sixty_is_short_for_strangers_only() -> None:
    below = [status(str(n), person(f"rider{n}"), in_reply_to_id="5001") for n in range(60)]
    answer = Answer(200, {"ancestors": [], "descendants": below})
    page = one_page(answer, "reply")
    assert (len(page.rows), page.short_because) == (60, "the server shows 60 to who is not logged in")
    assert one_page(answer, "reply", secret=Secret(TOKEN)).short_because == ""
    assert one_page(answer, "reply", secret=Secret(TOKEN), n_reported=61).short_because == rows.NO_MORE


def test_answers_to_answers_are_noted_and_left_out() -> None:
    below = [
        status("1", person("rider1"), in_reply_to_id="5001"),
        status("2", person("rider2"), in_reply_to_id="1"),
        status("3", person("rider1"), in_reply_to_id="5001", content="<p>And again</p>"),
    ]
    page = one_page(Answer(200, {"ancestors": [status()], "descendants": below}), "reply")
    assert members(page) == ["rider1@social.example", "rider1@social.example"]
    assert list(page.notes) == [rows.DEEPER]


# What becomes of posts and people.


def test_posts_older_than_asked_end_the_list() -> None:
    new, old = status("2"), status("1", created_at="2026-10-25T23:59:59.000Z")
    page = one_page(Answer(200, [new, old], {"link": '<https://a/?max_id=1>; rel="next"'}), "post")
    assert [row["post_id"] for _, row in page.rows] == ["2"]
    assert (page.next_cursor, page.n_entries) == (None, 2)
    on_the_day = status("1", created_at="2026-10-26T00:00:00.000Z")
    page = one_page(Answer(200, [new, on_the_day], {"link": '<https://a/?max_id=1>; rel="next"'}), "post")
    assert (len(page.rows), page.next_cursor) == (2, "1")


def test_a_post_becomes_a_row_of_the_contract() -> None:
    post = status(
        spoiler_text="Road &amp; rain",
        content='<p>Closed<br>at <a href="https://x"><span class="invisible">https://</span>a.example</a></p><p>#A6</p>',
        tags=[{"name": "A6", "url": "x"}, {"name": "motorcycle", "url": "x"}],
        favourites_count=60,
        reblogs_count=-1,
        replies_count=None,
    )
    ((table, row),) = one_page(Answer(200, [post]), "post").rows
    read_at = row.pop("observed_at")
    assert read_at and datetime.fromisoformat(read_at).tzinfo
    assert table == "post"
    assert row == {
        "platform": "mastodon",
        "post_id": "5001",
        "account_id": "1171",
        "posted_at": "2026-11-20T08:15:00.000Z",
        "kind": "post",
        "text": "Road & rain\nClosed\nat https://a.example\n#A6",
        "tags": "A6 motorcycle",
        "likes": "60",
        "reposts": None,
        "replies": None,
        "quotes": "0",
    }


def test_lists_open_where_the_count_is_not_zero() -> None:
    posts = [
        status("1", favourites_count=None, reblogs_count=2, quotes_count=None),
        status("2", quotes_count=3, replies_count=-1),
        status("3"),
    ]
    opened = one_page(Answer(200, posts), "post").opened
    assert [(one.post_id, one.kind, one.n_reported) for one in opened] == [
        ("1", "like", None),
        ("1", "repost", 2),
        ("2", "quote", 3),
        ("2", "reply", None),
    ]


def test_boosts_and_direct_messages_are_no_posts_of_ours() -> None:
    found = [
        status("4", reblog=status("9", person("rider1"))),
        status("3", visibility="direct", content="<p>Meet me at nine</p>", favourites_count=2),
        status("2", in_reply_to_id="1"),
        status("1", quote={"state": "accepted"}),
    ]
    page = one_page(Answer(200, found), "post")
    assert [(row["post_id"], row["kind"]) for _, row in page.rows] == [("2", "reply"), ("1", "quote")]
    assert (list(page.opened), page.n_entries) == ([], 4)


def test_what_was_not_said_in_public_keeps_its_text() -> None:
    below = [
        status("1", person("rider1"), in_reply_to_id="5001", visibility="direct", content="<p>My secret</p>"),
        status("2", person("rider2"), in_reply_to_id="5001", visibility="private", content="<p>To my friends</p>"),
        status("3", person("rider3"), in_reply_to_id="5001", visibility="unlisted", content="<p>Thanks</p>"),
    ]
    page = one_page(Answer(200, {"ancestors": [], "descendants": below}), "reply", secret=Secret(TOKEN))
    assert [(row["member_id"], row["text"]) for _, row in page.rows] == [
        ("rider2@social.example", None),
        ("rider3@social.example", "Thanks"),
    ]


def test_a_follower_becomes_a_row_of_the_contract() -> None:
    people = [person("Rider1@Far.Example"), person("rider2", display_name="", note="", fields=[], followers_count=None)]
    first, second = (row for _, row in one_page(Answer(200, people), "follower", "own:").rows)
    assert first == {
        "platform": "mastodon",
        "account_id": "1171",
        "member_id": "rider1@far.example",
        "observed_on": "2026-11-23",
        "handle": "rider1@far.example",
        "name": "Rider",
        "bio": "Two wheels",
        "location": "Kendal",
        "followers_count": "12",
        "following_count": "34",
        "created_at": "2019-04-01T00:00:00.000Z",
    }
    assert second["member_id"] == "rider2@social.example"
    assert [second[name] for name in ("name", "bio", "location", "followers_count")] == [None] * 4


def test_entries_of_nobody_are_counted() -> None:
    people = [person("rider1"), None, person("rider2", suspended=True), person("rider3", suspended=False)]
    page = one_page(Answer(200, people), "follower", "own:")
    assert (members(page), page.n_null_rows) == (["rider1@social.example", "rider3@social.example"], 2)


@pytest.mark.parametrize(
    ("acct", "member"),
    [
        ("rider0", "rider0@home.example"),
        ("Rider0@HOME.example", "rider0@home.example"),
        ("@rider0@else.example", "rider0@else.example"),
        ("rider0@bücher.example", "rider0@xn--bcher-kva.example"),
        ("rider0@xn--bcher-kva.example", "rider0@xn--bcher-kva.example"),
    ],
)
def test_a_person_is_one_member_from_every_server(acct: str, member: str) -> None:
    assert rows.member_id(acct, "home.example") == member


def test_a_follower_of_accounts_on_two_servers_is_one_member() -> None:
    near = one_page(Answer(200, [person("rider1")]), "follower", "own:")
    elsewhere = ours("7", "roads@other.example")
    far = one_page(Answer(200, [person("rider1@social.example", id="x7")]), "follower", "own:", account=elsewhere)
    assert members(near) == members(far) == ["rider1@social.example"]


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        (None, None),
        ("", None),
        ("<p></p>", None),
        ("<p>one</p><p>two<br/>three</p>", "one\ntwo\nthree"),
        ("a &lt;b&gt; &amp; c", "a <b> & c"),
        ("<p>x<script>alert(1)</script>y", "xy"),
        ("plain  words\n here", "plain words\nhere"),
        ("<P class='x'>one<BR>two</P>", "one\ntwo"),
        ("<style>p {}</style>x <b>bold</b><!-- no -->", "x bold"),
        ("<![CDATA[ <![ x", "<![CDATA[ <![ x"),
    ],
)
def test_html_becomes_words(markup: str | None, text: str | None) -> None:
    assert rows.plain(markup) == text


@pytest.mark.parametrize("piece", ["<", "<a", "<a b=", "<a '", "<!--", "<![", "</", "&", "&#1", "<script>", "< p "])
def test_nobody_stops_the_pull_with_odd_html(piece: str) -> None:
    begun = time.process_time()
    rows.plain(piece * 50_000)
    assert time.process_time() - begun < 60  # the standard library's parser takes minutes, or stops


# Whom to ask, and with what.


def test_an_id_with_another_handle_is_somebody_else() -> None:
    with pytest.raises(ListRefusedError, match="another handle"):
        one_page(Answer(200, person("mallory")), "follower")
    with pytest.raises(ListRefusedError, match="another handle"):
        one_page(Answer(200, [status("1", person("mallory"))]), "post")


def test_lists_follow_the_role() -> None:
    connector = Connector(Source("mastodon", follower_lists=("own",)), SINCE, TODAY)
    seed = Account(platform="mastodon", account_id="3", handle="@club@social.example", role="seed")
    assert [one.kind for one in connector.first_lists(OURS)] == ["follower", "post"]
    assert list(connector.first_lists(seed)) == []
    assert connector._servers["3"].client.api_base_url == "https://social.example"


@pytest.mark.parametrize("handle", [None, "police", "police@", "police@evil.example/x?", "p@a b", "p@user:pw@host"])
def test_a_handle_without_a_usable_server_is_refused(handle: str | None) -> None:
    with pytest.raises(RefError, match=r"account\.csv: mastodon:9"):
        Connector(Source("mastodon"), SINCE, TODAY).first_lists(ours("9", handle))


def test_a_moved_account_is_noted() -> None:
    page = one_page(Answer(200, person("police", moved=person("police@new.example"))), "follower")
    assert list(page.notes) == ["mastodon account 1171 has moved to another server"]


def test_quotes_need_a_login_and_are_accounted_without_one(tmp_path: Path) -> None:
    def answer(request: Request) -> Answer:
        if request.path.endswith("/quotes"):
            return Answer(200, [status("8", person("rider1"))])
        return Answer(200, [status("5001", quotes_count=1)]) if request.path.endswith("statuses") else world(request)

    for secret, n, scope in ((None, 0, "partial"), (Secret(TOKEN), 1, "complete")):
        with serve(answer) as server:
            lists = pulled(server, tmp_path / f"{n}/mastodon/day/a", follower_lists=(), secret=secret)
        assert [(one.n_collected, one.scope) for one in lists if one.listing.kind == "quote"] == [(n, scope)]
        assert sum(request.path.endswith("/quotes") for request in server.requests) == n


def test_refused_quotes_do_not_end_the_pull() -> None:
    with pytest.raises(ListRefusedError):
        one_page(Answer(403, {"error": "This action is not allowed"}), "quote", secret=Secret(TOKEN))


def test_a_token_belongs_to_one_server() -> None:
    with pytest.raises(SettingsError, match="a token and no base_url"):
        Connector(Source("mastodon", secret=Secret(TOKEN)), SINCE, TODAY)


def test_a_token_is_sent_and_goes_nowhere_else() -> None:
    with serve(lambda _: Answer(200, [])) as other:
        away = Answer(302, "", {"location": f"{other.url}/api/v1/accounts/1171/statuses"})
        listing = Listing("post", "mastodon", "1171")
        with serve(lambda _: away) as server, pytest.raises(PlatformRefusedError, match="is redirected to 127"):
            ask(server.url, lambda connector: connector.page(listing, None), secret=Secret(TOKEN))
        assert [request.headers["authorization"] for request in server.requests] == [f"Bearer {TOKEN}"]
    assert other.requests == []


def spoilt_answers() -> Iterator[Answer]:
    """Troubles whose answers hold what must not come out."""
    declared = {"error": f"{TOKEN} of jane@far.example"}
    yield from (Answer(code, declared) for code in (401, 403, 404, 422, 429, 500))
    yield Answer(200, f"{TOKEN} jane@far.example")
    yield Answer(200, f"{TOKEN} jane@far.example", {"content-type": "text/html"})
    yield Answer(200, [{"id": TOKEN, "acct": 5, "note": "jane@far.example"}])
    yield Answer(200, [{"id": "1", "acct": "jane", "created_at": "jane@far.example", "note": TOKEN}])
    yield Answer(200, {TOKEN: "jane@far.example"})
    yield Answer(200, [person()], cut=True)


def test_no_token_and_no_person_in_an_error_or_a_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for answer in spoilt_answers():
        with pytest.raises(StillreachError) as caught:
            one_page(answer, "follower", "own:", secret=Secret(TOKEN))
        message = "".join(traceback.format_exception(caught.value)) + repr(caught.value.args)
        assert caught.value.__context__ is None
        assert TOKEN not in message and "jane" not in message
    assert TOKEN not in caplog.text and "jane" not in caplog.text


# Drift.


def drift(kind: Kind, entry: Any) -> Page:
    return one_page(Answer(200, [entry]), kind, "own:" if kind == "follower" else None)


def test_unknown_fields_are_named_and_values_are_not() -> None:
    page = drift("follower", person(glow=3) | {"jane@far.example": 1})
    assert list(page.unknown_fields) == ["account.?", "account.glow"]
    assert len(page.rows) == 1
    page = drift("post", status(sparkle=1, account=person("police", glow=3)))
    assert list(page.unknown_fields) == ["status.account.glow", "status.sparkle"]


@pytest.mark.parametrize("field", ["id", "acct"])
def test_a_missing_account_field_stops(field: str) -> None:
    with pytest.raises(
        SchemaError, match=f"follower list, account: has no '{field}' but .*created_at.* Known: {field}"
    ):
        drift("follower", {name: value for name, value in person().items() if name != field})


@pytest.mark.parametrize("field", ["id", "created_at", "visibility", "content", "account"])
def test_a_missing_status_field_stops(field: str) -> None:
    entry = status()
    del entry[field]
    with pytest.raises(SchemaError, match=f"post list, status: has no '{field}' but .*emojis.* Known: {field}"):
        drift("post", entry)


@pytest.mark.parametrize(
    ("kind", "entry", "message"),
    [
        ("follower", person(id=91), "account: 'id' is a number, not text. Known: id (text)"),
        (
            "follower",
            person(followers_count="12"),
            "account: 'followers_count' is text, not a whole number. Known: followers_count (a whole number)",
        ),
        ("follower", person(followers_count=True), "account: 'followers_count' is true or false"),
        ("follower", person(following_count=1.5), "account: 'following_count' is a number, not a whole number"),
        ("follower", person(created_at="yesterday"), "account: 'created_at' is text, not an instant with a time zone"),
        ("follower", person(created_at="2019-04-01"), "account: 'created_at' is text, not an instant with a time zone"),
        ("follower", person(fields={"a": 1}), "account: 'fields' is an object, not a list"),
        ("follower", person(suspended="no"), "account: 'suspended' is text, not true or false"),
        ("post", status(favourites_count="60"), "status: 'favourites_count' is text, not a whole number"),
        ("post", status(reblogs_count=[1]), "status: 'reblogs_count' is a list"),
        ("post", status(created_at=1763626500), "status: 'created_at' is a number, not text"),
        ("post", status(tags=["A6"]), "status.tags: entry 0 is text, not an object"),
        ("post", status(account=person("police") | {"acct": 5}), "status.account: 'acct' is a number, not text"),
        ("follower", person(fields=["Kendal"]), "account.fields: entry 0 is text, not an object"),
        ("post", status(visibility=0), "status: 'visibility' is a number"),
        ("like", person() | {"acct": {"name": "x"}}, "account: 'acct' is an object, not text"),
        ("like", "rider1", "account: is text, not an object"),
    ],
)
def test_a_retyped_field_stops(kind: Kind, entry: Any, message: str) -> None:
    with pytest.raises(SchemaError) as caught:
        drift(kind, entry)
    assert str(caught.value).startswith(f"mastodon: {kind} list, {message}")


def test_a_name_without_a_user_stops() -> None:
    with pytest.raises(SchemaError, match=r"account\.acct: is empty"):
        drift("follower", person(acct="@"))


def test_the_whole_pull_of_an_account_stops_at_drift(tmp_path: Path) -> None:
    def answer(request: Request) -> Answer:
        found = world(request)
        return Answer(200, [{"id": "1"}]) if "favourited_by" in request.path else found

    with serve(answer) as server, pytest.raises(SchemaError, match="has no 'acct'"):
        pulled(server, tmp_path / "pull/mastodon/day/a", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_several_workers_get_the_same(whole: dict[str, list[str]], tmp_path: Path) -> None:
    with serve(world) as server:
        lists: list[ListAccount] = pulled(server, tmp_path / "pull/mastodon/day/a", tmp_path / "out", concurrency=4)
    assert drop_of(tmp_path / "out") == whole
    assert {one.scope for one in lists} == {"complete"} and len(server.requests) == N_NEEDED
