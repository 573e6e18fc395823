"""Bluesky's connector against a real AppView's recorded answers, scripted faults, and answers that are not as known."""

import asyncio
import csv
import json
import traceback
from collections import Counter
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from pipelines.common.errors import (
    ListRefusedError,
    PlatformBusyError,
    PlatformRefusedError,
    RefError,
    SchemaError,
    StillreachError,
)
from pipelines.common.settings import ROOT
from pipelines.extract.bluesky.connector import Connector
from pipelines.extract.pulls.listing import ListAccount, Listing, Page
from tests.extract.loopback import FAULTS, Answer, Faults, Request, Server, serve
from tests.extract.samples import bluesky as sample
from tests.extract.samples.bluesky import DID, METHOD_OF, OURS, Town, like, person, post, pulled, reply, us

RECORDED = ROOT.parent / "shared" / "data" / "bluesky-testnetwork"
needs_recorded = pytest.mark.skipif(not RECORDED.exists(), reason="needs ../shared/data/bluesky-testnetwork")
BIKERS, FORCE = "did:plc:kf5px4jyvtkuekzpremsdpbu", "did:plc:5g5plbesdhev22risseh2ra7"
POST = f"at://{DID}/app.bsky.feed.post/p1"


def recorded() -> Callable[[Request], Answer]:
    """Answer as recorded: by method, account or post, and cursor."""
    pages = [json.loads(path.read_text(encoding="utf-8")) for path in sorted((RECORDED / "pages").glob("*.json"))]
    thread = json.loads((RECORDED / "getPostThread.json").read_text(encoding="utf-8"))
    answers = {}
    for page in pages:
        asked = page["request"]["params"]
        key = (page["request"]["path"], asked.get("actor") or asked.get("uri"), asked.get("cursor"))
        answers[key] = Answer(page["status"], page["body"], page["headers"])

    def answer(request: Request) -> Answer:
        if METHOD_OF[request.path] == "getPostThread":
            return Answer(200, thread)
        return answers[request.path, request.first("actor") or request.first("uri"), request.first("cursor")]

    return answer


def rows(out: Path, table: str) -> list[dict[str, str]]:
    """Read one table of a drop, none where there is none."""
    if not (file := out / f"{table}.csv").exists():
        return []
    with file.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def by_kind(lists: list[ListAccount]) -> dict[str, tuple[int, int | None, str]]:
    return {one.listing.kind: (one.n_collected, one.n_reported, one.scope) for one in lists}


def once(server: Server, ask: Callable[[Connector], Coroutine[Any, Any, Any]]) -> Any:
    """Ask a connector outside the puller, and close it."""

    async def run() -> Any:
        connector = sample.connected(server, request_seconds=1)
        try:
            return await ask(connector)
        finally:
            await connector.close()

    return asyncio.run(run())


def page(town: Callable[[Request], Answer], kind: Any, *, cursor: str | None = None, n_reported: Any = None) -> Page:
    """Ask a scripted AppView for one page of one list of ours."""

    async def ask(connector: Connector) -> Page:
        connector.first_lists(OURS)
        return await connector.page(Listing(kind, "bluesky", DID, POST, n_reported), cursor)

    with serve(town) as server:
        read: Page = once(server, ask)
    return read


@needs_recorded
def test_recorded_answers_give_their_exact_counts(tmp_path: Path) -> None:
    account = OURS.model_copy(update={"account_id": BIKERS, "handle": "rpubikers2.test"})
    with serve(recorded()) as server:
        lists = pulled(server, tmp_path / "p/b/d/a", tmp_path / "out", account, concurrency=4)
    whole = {"follower": 130, "like": 130, "repost": 65, "quote": 1, "reply": 33}
    assert by_kind(lists) == {kind: (n, n, "complete") for kind, n in whole.items()} | {"post": (61, None, "complete")}
    asked = Counter(METHOD_OF[request.path] for request in server.requests)
    needed = {"getProfiles": 1, "getFollowers": 3, "getAuthorFeed": 3, "getLikes": 3, "getRepostedBy": 2}
    assert asked == needed | {"getQuotes": 1, "getPostThread": 1}
    assert not any(one.notes or one.unknown_fields for one in lists)
    assert len({row["member_id"] for row in rows(tmp_path / "out", "follower")}) == 130
    assert Counter(row["kind"] for row in rows(tmp_path / "out", "post")) == {"post": 60, "reply": 1}
    acts = rows(tmp_path / "out", "engagement")
    assert Counter(act["kind"] for act in acts) == {kind: n for kind, n in whole.items() if kind != "follower"}
    assert sum(int(row["likes"]) for row in rows(tmp_path / "out", "post")) == 130
    # A repost is told without its time; everything else has the author's clock and the AppView's.
    assert all(bool(act["engaged_at"]) == bool(act["indexed_at"]) == (act["kind"] != "repost") for act in acts)
    figure = {"platform": "bluesky", "account_id": BIKERS, "day": "2026-11-23", "metric": "followers", "value": "130"}
    assert rows(tmp_path / "out", "account_day") == [figure]


@needs_recorded
def test_a_seed_gives_its_followers_alone(tmp_path: Path) -> None:
    account = OURS.model_copy(update={"account_id": FORCE, "handle": "force2.test", "role": "seed"})
    with serve(recorded()) as server:
        lists = pulled(server, tmp_path / "p/b/d/a", account=account)
    assert by_kind(lists) == {"follower": (44, 44, "complete")}
    assert [METHOD_OF[request.path] for request in server.requests] == ["getProfiles", "getFollowers"]


@needs_recorded
@pytest.mark.parametrize(
    ("file", "status", "error"),
    [
        ("err_noactor.json", 400, ListRefusedError),
        ("err_badlimit.json", 400, ListRefusedError),
        ("err_badcursor.json", 500, PlatformBusyError),
    ],
)
def test_recorded_errors_become_ours_without_a_word_of_theirs(file: str, status: int, error: Any) -> None:
    body = json.loads((RECORDED / file).read_text(encoding="utf-8"))
    with pytest.raises(error) as caught:
        page(lambda _: Answer(status, body), "post")
    assert body["message"] not in str(caught.value) and "nobody" not in str(caught.value)
    assert f"status {status}" in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "error", "wait"),
    [
        (Answer(429, {"error": "RateLimitExceeded"}, {"ratelimit-reset": "4102444800"}), PlatformBusyError, 1e9),
        (Answer(429, {}, {"retry-after": "30"}), PlatformBusyError, 30),
        (Answer(429, {}, {"ratelimit-reset": "99999999999999999999"}), PlatformBusyError, None),
        (Answer(429, {}, {"ratelimit-reset": "1"}), PlatformBusyError, 0),
        (Answer(503, b"<html>", {"retry-after": "7"}), PlatformBusyError, 7),
        (Answer(502, {"error": "UpstreamFailure"}), PlatformBusyError, None),
        (Answer(500, ["a secret"]), PlatformBusyError, None),
        (Answer(200, b'{"feed": [{"a secret'), PlatformBusyError, None),
        (Answer(200, {"error": "a secret", "message": "a secret"}), PlatformBusyError, None),
        (Answer(hang=True), PlatformBusyError, None),
        (Answer(200, {"feed": []}, cut=True), PlatformBusyError, None),
        (Answer(401, {"error": "AuthMissing", "message": "a secret"}), PlatformRefusedError, None),
        (Answer(403, "a secret"), PlatformRefusedError, None),
        (Answer(404, "<html>a secret</html>"), ListRefusedError, None),
        (Answer(501, {"error": "MethodNotImplemented"}), ListRefusedError, None),
        (Answer(400, {"error": "a secret: rider1.test", "message": "a secret"}), ListRefusedError, None),
        (Answer(200, "<html>a secret</html>", {"content-type": "text/html"}), SchemaError, None),
        (Answer(200, ["a secret"]), SchemaError, None),
    ],
)
def test_what_goes_wrong_is_told_apart_and_quotes_nothing(answer: Answer, error: Any, wait: float | None) -> None:
    with pytest.raises(StillreachError) as caught:
        page(lambda _: answer, "post")
    assert type(caught.value) is error
    sentence = "".join(traceback.format_exception(caught.value))
    assert "a secret" not in sentence and "rider1" not in sentence
    if isinstance(caught.value, PlatformBusyError):
        found = caught.value.wait_seconds
        assert found is None if wait is None else found is not None and (found == wait or found > wait > 1e8)


def big_town(n_followers: int = 250) -> Town:
    """A town whose lists have several pages each."""
    riders = [f"rider{n}" for n in range(n_followers)]
    counts: dict[str, Any] = {"likeCount": 150, "repostCount": 120, "quoteCount": 3, "replyCount": 5}
    return Town(
        profiles=[us(followersCount=n_followers)],
        followers=[person(name) for name in riders],
        feed=[{"post": post("p1", **counts)}, *({"post": post(f"q{n}")} for n in range(119))],
        likes=[like(name) for name in riders[:150]],
        reposts=[person(name) for name in riders[:120]],
        quotes=[post(f"quote{n}", person("rider1"), {"text": f"Look, {n}"}) for n in range(3)],
        replies=[reply(f"rider{n}", f"r{n}") for n in range(5)],
    )


COUNTS = {"follower": 250, "post": 120, "like": 150, "repost": 120, "quote": 3, "reply": 5}
NEEDED = 12


def test_pages_are_followed_and_nothing_is_asked_twice(tmp_path: Path) -> None:
    with serve(big_town()) as server:
        lists = pulled(server, tmp_path / "p/b/d/a", tmp_path / "out", concurrency=4)
    assert {kind: n for kind, (n, _, _) in by_kind(lists).items()} == COUNTS
    assert {one.scope for one in lists} == {"complete"}
    assert len(server.requests) == NEEDED
    assert {request.first("limit") for request in server.requests if "limit" in request.query} == {"100"}


def test_the_drop_of_an_invented_appview_has_its_exact_rows(tmp_path: Path) -> None:
    """What the recorded answers show on a real network, on a small sample that is always at hand."""
    out = tmp_path / "out"
    with serve(big_town()) as server:
        lists = pulled(server, tmp_path / "p/b/d/a", out)
    assert not any(one.notes or one.unknown_fields for one in lists)
    assert len({row["member_id"] for row in rows(out, "follower")}) == COUNTS["follower"]
    assert len(rows(out, "post")) == COUNTS["post"]
    acts = rows(out, "engagement")
    assert Counter(act["kind"] for act in acts) == {kind: COUNTS[kind] for kind in ("like", "repost", "quote", "reply")}
    # A repost comes without its time; everything else has the author's clock and the AppView's.
    assert all(bool(act["engaged_at"]) == bool(act["indexed_at"]) == (act["kind"] != "repost") for act in acts)
    (figure,) = rows(out, "account_day")
    assert (figure["account_id"], figure["metric"], figure["value"]) == (DID, "followers", str(COUNTS["follower"]))


def test_an_invented_seed_gives_its_followers_alone(tmp_path: Path) -> None:
    town = big_town()
    with serve(town) as server:
        lists = pulled(server, tmp_path / "p/b/d/a", account=OURS.model_copy(update={"role": "seed"}))
    n = COUNTS["follower"]
    assert by_kind(lists) == {"follower": (n, n, "complete")}
    assert {METHOD_OF[request.path] for request in server.requests} == {"getProfiles", "getFollowers"}


PASSING = ("429", "500", "hang", "cut", "errors")


@pytest.mark.parametrize("fault", PASSING)
@pytest.mark.parametrize("first", [1, 2])
def test_a_passing_fault_leaves_nothing_out(fault: str, first: int, tmp_path: Path) -> None:
    faults = Faults(big_town(), dict.fromkeys(range(first, 2 * NEEDED, 3), fault), reset_header="ratelimit-reset")
    with serve(faults) as server:
        lists = pulled(server, tmp_path / "p/b/d/a", request_seconds=0.25 if fault == "hang" else 30)
    assert {kind: (n, scope) for kind, (n, _, scope) in by_kind(lists).items()} == {
        kind: (n, "complete") for kind, n in COUNTS.items()
    }
    assert faults.injected and len(server.requests) <= 2 * NEEDED


@pytest.mark.parametrize("fault", sorted({*FAULTS} - {*PASSING}))
@pytest.mark.parametrize("nth", [1, 2, 3, 4, 5, 6, 8, 10, 12])  # each list's first page and its last
def test_no_false_page_makes_a_partial_list_whole(fault: str, nth: int, tmp_path: Path) -> None:
    with serve(Faults(big_town(), {nth: fault})) as server:
        lists = pulled(server, tmp_path / "p/b/d/a")
    whole = {kind: n for kind, (n, _, scope) in by_kind(lists).items() if scope == "complete"}
    assert whole.items() <= COUNTS.items()
    # One fault spoils one list; where it is that of the posts, some of the lists that they open.
    assert len(whole) >= len(COUNTS) - 1 or by_kind(lists)["post"][2] == "partial"
    assert len(server.requests) <= 2 * NEEDED


def test_all_kinds_of_lists_share_one_limit() -> None:
    async def limits(connector: Connector) -> list[Any]:
        return list(connector.limits().values())

    with serve(Town()) as server:
        every = once(server, limits)
    assert len(every) == len(COUNTS) and len({id(limit) for limit in every}) == 1
    assert every[0].requests / every[0].seconds <= 10


def test_one_question_brings_the_counts_of_all_accounts() -> None:
    others = [
        OURS.model_copy(update={"account_id": f"did:plc:seed{n}", "handle": f"seed{n}.test", "role": "seed"})
        for n in range(9)
    ]
    profiles = [person(f"seed{n}", followersCount=n) for n in range(9)]
    town = Town(profiles=[us(followersCount=1), *profiles], followers=[person()])

    async def ask(connector: Connector) -> list[Page]:
        first = [connector.first_lists(account)[0] for account in (OURS, *others)]
        return [await connector.page(listing, None) for listing in first]

    with serve(town) as server:
        pages = once(server, ask)
    assert [one.n_reported for one in pages] == [1, *range(9)]
    assert [len(one.rows) for one in pages] == [1, *[2] * 9]
    asked = [METHOD_OF[request.path] for request in server.requests]
    assert asked == ["getProfiles"] + ["getFollowers"] * 9
    assert len(server.requests[0].query["actors"]) == 20


def test_more_accounts_than_one_question_holds_take_more_questions() -> None:
    many = [
        OURS.model_copy(update={"account_id": f"did:plc:seed{n}", "handle": f"seed{n}.test", "role": "seed"})
        for n in range(30)
    ]

    async def ask(connector: Connector) -> list[Page]:
        first = [connector.first_lists(account)[0] for account in many]
        return [await connector.page(listing, None) for listing in first]

    with serve(Town(profiles=[person(f"seed{n}", followersCount=n) for n in range(30)])) as server:
        pages = once(server, ask)
    assert [one.n_reported for one in pages] == list(range(30))
    batches = [request.query["actors"] for request in server.requests if "actors" in request.query]
    assert len(batches) == 3 and all(len(batch) <= 25 for batch in batches)


@pytest.mark.parametrize(
    ("handle", "profiles", "message"),
    [
        ("bikers.test", [us()], ""),
        ("@Bikers.TEST", [us()], ""),
        (None, [us(handle="new.test")], ""),
        ("not a handle", [us(handle="new.test")], ""),
        ("bikers.test", [us(handle="new.test")], "has another handle than account.csv says"),
        ("bikers.test", [us(handle="handle.invalid")], "does not lead back to it"),
        ("bikers.test", [us(handle="new.test"), person("squatter", handle="bikers.test")], "is another account's now"),
    ],
)
def test_a_handle_that_moved_is_noted_and_the_id_stays(
    handle: str | None, profiles: list[dict[str, Any]], message: str, tmp_path: Path
) -> None:
    account = OURS.model_copy(update={"handle": handle})
    with serve(Town(profiles=profiles, followers=[person()])) as server:
        lists = pulled(server, tmp_path / "p/b/d/a", account=account)
    notes = [note for one in lists for note in one.notes]
    assert len(notes) == bool(message) and all(message in note and ".test" not in note for note in notes)
    assert by_kind(lists)["follower"][0] == 1


def test_an_id_that_is_no_did_is_refused_before_anything_is_asked() -> None:
    def ask(account_id: str) -> None:
        with serve(Town()) as server:

            async def first(connector: Connector) -> None:
                connector.first_lists(OURS.model_copy(update={"account_id": account_id}))

            once(server, first)
        assert not server.requests

    ask("did:web:police.example")
    with pytest.raises(RefError, match="not a DID"):
        ask("bikers.test")


def test_an_account_that_is_gone_refuses_its_lists_and_says_so(tmp_path: Path) -> None:
    def gone(request: Request) -> Answer:
        if METHOD_OF[request.path] == "getProfiles":
            return Answer(200, {"profiles": []})
        return Answer(400, {"error": "InvalidRequest", "message": f"Actor not found: {DID}"})

    with serve(gone) as server:
        lists = pulled(server, tmp_path / "p/b/d/a")
    assert by_kind(lists) == {"follower": (0, None, "partial"), "post": (0, None, "partial")}
    assert all("400 (InvalidRequest)" in one.reason for one in lists)


def test_a_follower_is_read_and_what_is_not_told_stays_unknown() -> None:
    bare = person("rider2", handle="handle.invalid", displayName=None, description=None, createdAt=None)
    nobody = [None, person("rider3", did=None) | {"did": None}]
    read = page(Town(followers=[person(), bare, *nobody]), "follower", cursor="0__")
    assert read.n_null_rows == 2
    known, unknown = (row for _, row in read.rows)
    assert known["member_id"] == "did:plc:rider1" and known["handle"] == "rider1.test"
    assert (known["name"], known["bio"]) == ("Rider1", "Two wheels")
    assert known["created_at"] == "2026-11-22T16:38:40.000Z" and known["observed_on"] == "2026-11-23"
    assert {name for name, value in unknown.items() if value is None} == {
        "handle", "name", "bio", "created_at", "followers_count",
    }  # fmt: skip


def test_only_what_the_account_wrote_in_the_days_asked_for_is_its_post() -> None:
    repost = {"$type": "app.bsky.feed.defs#reasonRepost", "by": us(), "indexedAt": "2026-11-19T00:00:00.000Z"}
    forged = {"createdAt": "2031-01-01T00:00:00Z"}
    feed = [
        {"post": post("forged", record=forged)},  # dated ahead: stands where the AppView saw it
        {"post": post("mine"), "reason": repost},  # our own, reposted: comes again below
        {"post": post("theirs", person("rider1")), "reason": repost},
        {"post": post("mine")},
        {"post": None},
        {"post": post("first", record={"createdAt": "2026-10-26T00:00:00Z"})},  # the first day asked for
        {"post": post("old", record={"createdAt": "2026-10-25T23:59:59Z"})},
        {"post": post("older", record={"createdAt": "2026-09-01T00:00:00Z"})},
    ]
    read = page(Town(feed=feed + [{"post": post("oldest")}] * 100), "post")
    assert [row["post_id"].rpartition("/")[2] for _, row in read.rows if row["post_id"]][:3] == [
        "forged",
        "mine",
        "first",
    ]
    assert read.n_null_rows == 1 and read.n_entries == 100


def test_the_feed_is_left_where_the_days_asked_for_begin() -> None:
    old = [{"post": post(f"o{n}", record={"createdAt": "2026-10-25T00:00:00Z"})} for n in range(150)]
    read = page(Town(feed=old), "post")
    assert (read.rows, read.next_cursor, read.n_entries) == ([], None, 100)
    recent = [{"post": post(f"n{n}")} for n in range(150)]
    assert page(Town(feed=recent), "post").next_cursor == "100__bafy"
    late = {"$type": "app.bsky.feed.defs#reasonRepost", "by": us(), "indexedAt": "2026-10-27T00:00:00Z"}
    read = page(Town(feed=[*old[:99], {"post": old[0]["post"], "reason": late}, *old]), "post")
    assert read.next_cursor, "an old post reposted lately is no end"


def test_a_post_says_its_kind_and_the_hash_tags_that_the_platform_marked() -> None:
    ref = {"parent": {"uri": "at://x", "cid": "b"}, "root": {"uri": "at://x", "cid": "b"}}
    embed = {"$type": "app.bsky.embed.record", "record": {"uri": "at://y", "cid": "b"}}
    facets = [
        {"features": [{"$type": "app.bsky.richtext.facet#tag", "tag": "A6"}]},
        {"features": [{"$type": "app.bsky.richtext.facet#link", "uri": "https://x.example"}]},
    ]
    records: list[Any] = [
        {"facets": facets, "tags": ["bikers", "A6"], "via": "a client's own field"},
        {"reply": ref, "embed": embed},
        {"embed": embed},
        {"embed": {"$type": "app.bsky.embed.images"}, "facets": "not as known", "tags": [7]},
    ]
    read = page(Town(feed=[{"post": post(f"p{n}", record=one)} for n, one in enumerate(records)]), "post")
    assert [row["kind"] for _, row in read.rows] == ["post", "reply", "quote", "post"]
    assert [row["tags"] for _, row in read.rows] == ["A6 bikers", None, None, None]
    assert not read.unknown_fields


def test_lists_are_opened_where_somebody_acted_or_nobody_knows() -> None:
    counts: dict[str, Any] = {"likeCount": 3, "repostCount": 0, "quoteCount": None, "replyCount": 1}
    read = page(Town(feed=[{"post": post(**counts)}, {"post": post("p2")}]), "post")
    opened = [(one.kind, one.post_id, one.n_reported) for one in read.opened]
    assert opened == [("like", POST, 3), ("quote", POST, None), ("reply", POST, 1)]
    figures = {name: read.rows[0][1][name] for name in sample.FIGURES}
    assert figures == {"likes": "3", "reposts": "0", "quotes": None, "replies": "1"}


def test_both_clocks_are_kept_for_what_somebody_did() -> None:
    ((_, row),) = page(Town(likes=[like(), {**like(), "actor": None}]), "like").rows
    assert (row["engaged_at"], row["indexed_at"]) == ("2026-11-20T09:00:00.000Z", "2026-11-20T09:00:02.000Z")
    assert (row["post_id"], row["account_id"], row["member_id"]) == (POST, DID, "did:plc:rider1")
    ((_, row),) = page(Town(reposts=[person()]), "repost").rows
    assert row["engaged_at"] is None and row["indexed_at"] is None and row["text"] is None
    ((_, row),) = page(Town(quotes=[post("q", person(), {"text": "Look"})]), "quote").rows
    assert (row["text"], row["engaged_at"]) == ("Look", "2026-11-20T08:15:00.123456+00:00")


def test_a_thread_gives_direct_replies_and_says_where_it_stops_short() -> None:
    deeper = reply("rider1", replies=[reply("rider2", "deep")])
    gone = {"$type": "app.bsky.feed.defs#notFoundPost", "uri": "at://gone", "notFound": True}
    blocked = {"$type": "app.bsky.feed.defs#blockedPost", "uri": "at://b", "blocked": True, "author": {"did": "did:x"}}
    town = Town(replies=[deeper, gone, blocked, reply("rider1", "again", "And again")])
    read = page(town, "reply", n_reported=4)
    assert [(row["member_id"], row["text"]) for _, row in read.rows] == [
        ("did:plc:rider1", "Thanks"), ("did:plc:rider1", "And again"),
    ]  # fmt: skip
    assert (read.n_null_rows, read.short_because, read.next_cursor) == (2, "", None)
    assert page(town, "reply", n_reported=9).short_because.startswith("5 of 9 replies not in the thread")
    assert page(town, "reply").short_because == ""

    thread = {"thread": gone}
    with pytest.raises(ListRefusedError, match="gone or hidden"):
        page(lambda _: Answer(200, thread), "reply")


def test_an_unknown_field_is_named_and_the_reading_goes_on(tmp_path: Path) -> None:
    notes = sample.read(sample.write(tmp_path / "in", "unknown column"), tmp_path / "out")
    assert notes == ["unknown field getAuthorFeed.feed.post.glow, not read"]
    assert {table: len(rows(tmp_path / "out", table)) for table in sample.TABLES} == {
        "follower": 1, "post": 1, "engagement": 4, "account_day": 1,
    }  # fmt: skip
    assert sample.read(sample.write(tmp_path / "known", "as known"), tmp_path / "out2") == []
    odd = person() | {"rider 1 said": 1, "glow": 2}
    assert page(Town(followers=[odd]), "follower", cursor="0__").unknown_fields == [
        "getFollowers.followers.?", "getFollowers.followers.glow",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("drift", "message"),
    [
        ("missing column", r"getAuthorFeed, feed\[0\]\.post\.record: has no 'createdAt' but \$type, text\."),
        (
            "retyped column",
            r"getAuthorFeed, feed\[0\]\.post: 'likeCount' is text, not a whole number\. Known: likeCount",
        ),
    ],
)
def test_a_missing_or_retyped_field_stops_the_account(drift: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match=message) as caught:
        sample.read(sample.write(tmp_path / "in", drift), tmp_path / "out")
    assert "many" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    ("kind", "body", "message"),
    [
        ("follower", {"users": []}, "the answer: has no 'followers' but users"),
        ("follower", {"followers": {}}, "'followers' is an object, not a list"),
        ("follower", {"followers": [{"handle": "rider1.test"}]}, r"followers\[0\]: has no 'did' but handle"),
        ("follower", {"followers": [{"did": 5}]}, "'did' is a number, not text"),
        ("follower", {"followers": [], "cursor": 7}, "'cursor' is a number, not text"),
        ("like", {"likes": [{"actor": "rider1"}]}, "'actor' is text, not an object"),
        ("repost", {"repostedBy": None}, "'repostedBy' is null, not a list"),
        ("quote", {"posts": [{}]}, "has no 'uri' but nothing"),
        ("reply", {"thread": {"replies": {"a": 1}}}, "'replies' is an object, not a list"),
    ],
)
def test_each_answer_is_held_to_what_is_known(kind: Any, body: dict[str, Any], message: str) -> None:
    with pytest.raises(SchemaError, match=message) as caught:
        page(lambda _: Answer(200, body), kind, cursor="0__")
    assert "rider1" not in str(caught.value)


def test_a_figure_that_did_not_come_is_never_0(tmp_path: Path) -> None:
    for name in sample.FIGURES:
        out = tmp_path / name
        sample.read(sample.write(tmp_path / f"{name}-in", "as known", {name: None}), out)
        (row,) = rows(out, "post")
        assert row[name] == "" and all(row[other] == "1" for other in sample.FIGURES if other != name)
