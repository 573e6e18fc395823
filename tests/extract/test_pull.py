"""The puller against a scripted server: whatever goes wrong, no partial list is declared complete, at little cost."""

import asyncio
import collections
import json
import os
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as trials
from hypothesis import strategies as st

from pipelines.common.errors import BusyError, ModelError, PlatformRefusedError, SchemaError, UnreadableFileError
from pipelines.extract.pulls import journal, pull
from pipelines.extract.pulls.incremental import Carried
from pipelines.extract.pulls.journal import FILE, Key
from pipelines.extract.pulls.listing import Limit, ListAccount, Listing, Page
from pipelines.extract.pulls.pull import Options, Patience
from pipelines.extract.pulls.rate_limit import Pace
from tests.extract.fake_platform import ACCOUNT, Connector, World
from tests.extract.loopback import FAULTS, Answer, Faults, Request, Server, serve

QUICK = Patience(attempts=4, wait_initial=0.001, wait_max=0.002, wait_jitter=0.001, wait_scale=0.001)
WORLD = World([f"f{n}" for n in range(45)], {"p1": [f"l{n}" for n in range(25)], "p2": [], "p3": ["l1"]})


def pulled(folder: Path, server: Server, *, connector: Connector | None = None, **more: Any) -> dict[Key, ListAccount]:
    """Pull everything of the fake platform into `folder`."""
    connector = connector or Connector(server.url)
    options: dict[str, Any] = {"patience": QUICK, "request_seconds": 5, "deadline_seconds": 30, **more}
    done = pull.pull(connector, connector.first_lists(), folder, Options(**options))
    assert connector.is_closed
    return {(one.listing.kind, one.listing.post_id): one for one in done}


def got(folder: Path) -> dict[Key, list[str | None]]:
    """What the journal holds of each list, as the landing reads it."""
    book = journal.reading(folder)
    assert book
    found: dict[Key, list[str | None]] = collections.defaultdict(list)
    for row in journal.rows_of(folder, book, "follower"):
        found["follower", ""].append(row["member_id"])
    for row in journal.rows_of(folder, book, "post"):
        found["post", ""].append(row["post_id"])
    for row in journal.rows_of(folder, book, "engagement"):
        found[row["kind"] or "", row["post_id"] or ""].append(row["member_id"])
    return found


def truth(world: World) -> dict[Key, list[str]]:
    """What there is to get: a post without likes opens no list."""
    likes = {("like", post): likers for post, likers in world.likers.items() if likers}
    return {("follower", ""): world.followers, ("post", ""): list(world.likers), **likes}


def test_everything_is_collected_once_and_counted(tmp_path: Path) -> None:
    with serve(WORLD) as server:
        done = pulled(tmp_path, server)
        assert len(server.requests) == WORLD.n_needed == 10
    assert got(tmp_path) == truth(WORLD)
    for key, people in truth(WORLD).items():
        one = done[key]
        assert (one.scope, one.reason) == ("complete", "")
        assert one.n_collected == one.n_reported == len(people)
        assert one.n_pages == one.n_requests == max(1, -(-len(people) // 10))
    assert list(done) == [("follower", ""), ("post", ""), ("like", "p1"), ("like", "p3")]


def test_the_journal_is_its_owners_alone_and_a_line_a_page(tmp_path: Path) -> None:
    folder = tmp_path / "pull" / "bluesky" / "2026-11-23" / "abc"
    with serve(WORLD) as server:
        pulled(folder, server)
    assert {path.stat().st_mode & 0o777 for path in (folder, *folder.parents[:3])} == {0o700}
    lines = [json.loads(line) for line in (folder / FILE).read_text().splitlines()]
    assert sum("page" in line for line in lines) == 10


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("at", [(2,), (2, 5, 9), (1, 4)])
def test_a_scripted_fault_costs_little_and_makes_nothing_whole_that_is_not(
    tmp_path: Path, fault: str, at: tuple[int, ...]
) -> None:
    faults = Faults(WORLD, dict.fromkeys(at, fault), reset_in=1)
    with serve(faults) as server:
        seconds = 0.3 if fault == "hang" else 5
        connector = Connector(server.url, seconds=seconds)
        done = pulled(tmp_path, server, connector=connector, concurrency=1, request_seconds=seconds)
        assert len(server.requests) <= 2 * WORLD.n_needed
    held, there = got(tmp_path), truth(WORLD)
    for key, one in done.items():
        if one.scope == "complete":
            assert held[key] == there[key]
        else:
            assert one.reason
        assert set(held[key]) <= set(there[key]) and len(held[key]) == one.n_collected
    if fault != "errors":  # the one answer that says: this list is not to be had
        assert all(one.scope == "complete" for one in done.values())
        assert set(done) == set(there)
    assert faults.injected or (fault in ("repeat", "loop") and at == (1, 4))


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda body: body | {"entries": []}, "came empty or repeated"),
        (lambda body: body | {"cursor": "c10"}, "cursors repeat"),
        (lambda body: body | {"entries": [{"id": "f1"}]}, "came empty or repeated"),
    ],
)
def test_a_fault_that_stays_makes_the_list_partial(
    tmp_path: Path, spoil: Callable[[dict[str, Any]], dict[str, Any]], reason: str
) -> None:
    def answer(request: Request) -> Answer:
        whole = WORLD(request)
        spoilt = request.path == "/followers" and request.first("cursor") == "c20"
        return Answer(200, spoil(whole.body)) if spoilt else whole

    with serve(answer) as server:
        done = pulled(tmp_path, server)
        assert len(server.requests) <= 2 * WORLD.n_needed
    one = done["follower", ""]
    assert one.scope == "partial" and reason in one.reason
    assert one.n_collected < 45 == one.n_reported
    assert done["post", ""].scope == "complete"


@pytest.mark.parametrize("entries", [[], [{"id": "f1"}]])
def test_pages_without_end_and_with_nothing_new_are_left_after_a_few(tmp_path: Path, entries: list[Any]) -> None:
    def answer(request: Request) -> Answer:
        if request.path != "/followers":
            return WORLD(request)
        n = int((request.first("cursor") or "c0")[1:])
        return Answer(200, {"entries": entries, "cursor": f"c{n + 1}", "count": 45})

    with serve(answer) as server:
        one = pulled(tmp_path, server)["follower", ""]
    assert one.scope == "partial" and one.reason == "3 pages in a row came empty or repeated"
    assert one.n_requests == 6 + len(entries)


def test_an_empty_page_is_believed_where_the_platform_counts_no_more_than_came(tmp_path: Path) -> None:
    def answer(request: Request) -> Answer:
        if request.path != "/followers":
            return WORLD(request)
        if request.first("cursor") is None:
            return Answer(200, {"entries": [], "cursor": "c1", "count": 2})
        return Answer(200, {"entries": [{"id": "a"}, {"id": "b"}], "count": 2})

    with serve(answer) as server:
        one = pulled(tmp_path, server)["follower", ""]
    assert (one.scope, one.n_collected, one.n_requests) == ("complete", 2, 3)


def test_a_list_that_the_platform_ends_short_of_its_count_is_complete_and_shows_the_difference(tmp_path: Path) -> None:
    world = World(["a", "b"])

    def answer(request: Request) -> Answer:
        body = world(request).body
        return Answer(200, body | {"count": 3} if request.path == "/followers" else body)

    with serve(answer) as server:
        one = pulled(tmp_path, server)["follower", ""]
    assert (one.scope, one.n_collected, one.n_reported) == ("complete", 2, 3)


def test_an_empty_end_is_asked_for_twice_and_an_empty_follower_list_is_not_believed(tmp_path: Path) -> None:
    n_asked: collections.Counter[str] = collections.Counter()

    def answer(request: Request) -> Answer:
        n_asked[request.path] += 1
        return Answer(200, {"entries": [], "count": 7 if request.path == "/followers" else 0})

    with serve(answer) as server:
        done = pulled(tmp_path, server)
    one = done["follower", ""]
    assert (one.scope, one.n_requests) == ("partial", 2) and "shows none" in one.reason
    assert done["post", ""].scope == "complete" and n_asked["/posts"] == 1


def test_a_list_that_the_connector_knows_to_be_short_is_partial(tmp_path: Path) -> None:
    def answer(request: Request) -> Answer:
        whole = WORLD(request)
        likes = request.path == "/likes/p3"
        return Answer(
            200,
            whole.body | {"short": "the newest only", "entries": [{"id": "l1"}, {"id": None}], "count": 3}
            if likes
            else whole.body,
        )

    with serve(answer) as server:
        one = pulled(tmp_path, server)["like", "p3"]
    assert (one.scope, one.reason, one.n_null_rows) == ("partial", "the newest only", 1)


def test_followers_that_arrive_meanwhile_are_repeats_and_no_fault(tmp_path: Path) -> None:
    world = World([f"f{n}" for n in range(30)])

    def answer(request: Request) -> Answer:
        if request.path == "/followers" and request.first("cursor") == "c10":
            world.followers[:0] = ["new1", "new2"]
        return world(request)

    with serve(answer) as server:
        one = pulled(tmp_path, server)["follower", ""]
    assert (one.scope, one.n_repeats, one.n_collected) == ("complete", 2, 30)
    assert len(got(tmp_path)["follower", ""]) == 30


def test_a_platform_that_stays_busy_leaves_the_list_partial_and_a_restart_finishes_it(tmp_path: Path) -> None:
    is_down = True

    def answer(request: Request) -> Answer:
        if is_down and request.path == "/followers" and request.first("cursor"):
            return Answer(503)
        return WORLD(request)

    with serve(answer) as server:
        one = pulled(tmp_path, server)["follower", ""]
        assert (one.scope, one.n_collected) == ("partial", 10)
        assert one.n_requests == 1 + QUICK.attempts and "503" in one.reason
        is_down, n_before = False, len(server.requests)
        done = pulled(tmp_path, server)
        assert len(server.requests) - n_before == 4, "nothing that was complete is asked again"
    assert all(one.scope == "complete" for one in done.values())
    assert got(tmp_path) == truth(WORLD)


def test_what_ended_well_is_not_asked_again(tmp_path: Path) -> None:
    with serve(WORLD) as server:
        first = pulled(tmp_path, server)
        assert pulled(tmp_path, server) == first
        assert len(server.requests) == WORLD.n_needed


def test_a_refused_list_leaves_the_others(tmp_path: Path) -> None:
    def answer(request: Request) -> Answer:
        return Answer(404) if request.path == "/likes/p1" else WORLD(request)

    with serve(answer) as server:
        done = pulled(tmp_path, server)
        assert len([one for one in server.requests if one.path == "/likes/p1"]) == 1
    assert done["like", "p1"].scope == "partial" and "404" in done["like", "p1"].reason
    assert done["like", "p3"].scope == done["follower", ""].scope == "complete"


def test_a_platform_that_refuses_us_ends_the_pull_and_says_what_did_not_come(tmp_path: Path) -> None:
    def answer(request: Request) -> Answer:
        return Answer(401) if request.first("cursor") == "c20" else WORLD(request)

    with serve(answer) as server, pytest.raises(PlatformRefusedError, match="a new token"):
        pulled(tmp_path, server, concurrency=1)
    book = journal.reading(tmp_path)
    assert book and "401" in book.stopped and not book.is_spoilt
    done = {one.listing.kind: one for one in book.accounts()}
    assert done["follower"].n_collected == 20
    assert all(one.scope == "partial" and "401" in one.reason for one in done.values())


def test_an_answer_that_is_not_what_is_known_stops_the_account(tmp_path: Path) -> None:
    is_mended = False

    def answer(request: Request) -> Answer:
        whole = WORLD(request)
        return whole if is_mended or request.path != "/posts" else Answer(200, {"items": []})

    with serve(answer) as server:
        with pytest.raises(SchemaError, match="Known: entries, cursor, count"):
            pulled(tmp_path, server)
        book = journal.reading(tmp_path)
        assert book and book.is_spoilt
        is_mended = True
        done = pulled(tmp_path, server)
    assert all(one.scope == "complete" for one in done.values())
    after = journal.reading(tmp_path)
    assert after and not after.is_spoilt and not after.stopped


def test_a_fault_of_the_connector_says_where_and_no_value(tmp_path: Path) -> None:
    class Broken(Connector):
        async def page(self, listing: Listing, cursor: str | None) -> Page:
            raise KeyError("jane@example.org")

    with serve(WORLD) as server, pytest.raises(ModelError, match="failed with KeyError") as caught:
        pulled(tmp_path, server, connector=Broken(server.url))
    assert "jane" not in str(caught.value) and caught.value.__cause__ is None and caught.value.__context__ is None


def test_a_row_with_a_column_of_no_contract_is_a_fault_of_ours(tmp_path: Path) -> None:
    class Broken(Connector):
        async def page(self, listing: Listing, cursor: str | None) -> Page:
            return Page(rows=[("follower", {"member_id": "1", "shoe_size": "44"})], next_cursor=None)

    with serve(WORLD) as server, pytest.raises(ModelError, match="shoe_size"):
        pulled(tmp_path, server, connector=Broken(server.url))


def test_the_deadline_ends_what_is_not_finished_and_a_restart_goes_on(tmp_path: Path) -> None:
    hangs = True

    def answer(request: Request) -> Answer:
        if hangs and (request.path == "/posts" or request.first("cursor") == "c30"):
            return Answer(hang=True)
        return WORLD(request)

    with serve(answer) as server:
        began = time.monotonic()
        done = pulled(tmp_path, server, deadline_seconds=0.5, request_seconds=60, connector=Connector(server.url))
        assert time.monotonic() - began < 10
        assert done["follower", ""].n_collected == 30
        for one in done.values():
            assert one.scope == "partial" and one.reason.startswith("not finished by the deadline")
        hangs = False
        assert all(one.scope == "complete" for one in pulled(tmp_path, server).values())
    assert got(tmp_path) == truth(WORLD)


def test_a_request_without_an_answer_is_left_even_where_the_library_would_wait(tmp_path: Path) -> None:
    with serve(Faults(WORLD, {2: "hang"})) as server:
        connector = Connector(server.url, seconds=60)
        done = pulled(tmp_path, server, connector=connector, request_seconds=0.3, concurrency=1)
    assert all(one.scope == "complete" for one in done.values())
    assert sum(one.n_requests for one in done.values()) == WORLD.n_needed + 1


def test_a_wait_past_the_deadline_is_not_waited_for(tmp_path: Path) -> None:
    faults = Faults(WORLD, {1: "429"}, reset_in=900)
    with serve(faults) as server:
        began = time.monotonic()
        done = pulled(tmp_path, server, concurrency=1, deadline_seconds=60, patience=replace(QUICK, wait_scale=1))
        assert time.monotonic() - began < 30
    assert "asked to wait" in done["follower", ""].reason and "past the deadline" in done["follower", ""].reason
    assert done["post", ""].scope == "complete"


def test_nothing_is_asked_before_the_platform_said(tmp_path: Path) -> None:
    asked: list[float] = []
    faults = Faults(WORLD, {2: "429"}, reset_in=2)

    def answer(request: Request) -> Answer:
        asked.append(time.time())
        return faults(request)

    class Connector429(Connector):
        async def page(self, listing: Listing, cursor: str | None) -> Page:
            try:
                return await super().page(listing, cursor)
            except Exception as failure:
                failure.__dict__.update({"wait_seconds": 0.4} if getattr(failure, "wait_seconds", None) else {})
                raise

    with serve(answer) as server:
        patient = replace(QUICK, wait_scale=1)
        pulled(tmp_path, server, patience=patient, concurrency=1, connector=Connector429(server.url))
    gaps = [after - before for before, after in pairwise(asked)]
    assert gaps[1] >= 0.4


def test_a_pace_never_lets_more_through_than_the_limit() -> None:
    async def run() -> list[float]:
        pace, sent = Pace(Limit(3, 0.1)), []

        async def ask() -> None:
            await pace.turn()
            sent.append(time.monotonic())

        await asyncio.gather(*(ask() for _ in range(10)))
        return sent

    sent = asyncio.run(run())
    assert all(after - before >= 0.099 for before, after in zip(sent, sent[3:], strict=False))
    assert sent[-1] - sent[0] < 5


def test_kinds_with_one_limit_share_it(tmp_path: Path) -> None:
    sent: list[float] = []
    one = Limit(3, 0.1)

    class Noting(Connector):
        async def page(self, listing: Listing, cursor: str | None) -> Page:
            sent.append(time.monotonic())
            return await super().page(listing, cursor)

    with serve(WORLD) as server:
        pulled(tmp_path, server, connector=Noting(server.url, limits={"follower": one, "post": one, "like": one}))
    assert len(sent) == WORLD.n_needed
    assert all(after - before >= 0.05 for before, after in zip(sent, sent[3:], strict=False))


def test_a_pause_holds_all_who_ask_that_kind() -> None:
    async def run() -> float:
        pace = Pace(None)
        pace.pause(0.1)
        began = time.monotonic()
        await asyncio.gather(pace.turn(), pace.turn())
        return time.monotonic() - began

    assert asyncio.run(run()) >= 0.099


def test_what_has_not_changed_is_not_asked_again(tmp_path: Path) -> None:
    carried = {
        ("like", "p1"): Carried("bluesky.2026-11-20.0001-abc", "2026-11-20", 25, "complete", ""),
        ("like", "p3"): Carried("bluesky.2026-11-20.0001-abc", "2026-11-20", 7, "complete", ""),
    }
    with serve(WORLD) as server:
        done = pulled(tmp_path, server, carried=carried)
        assert not [one for one in server.requests if one.path == "/likes/p1"]
    one = done["like", "p1"]
    assert (one.scope, one.n_requests, one.n_collected, one.is_carried) == ("complete", 0, 0, True)
    assert one.reason == "unchanged since 2026-11-20, not asked again"
    assert not done["like", "p3"].is_carried, "its count is another one now"


def test_two_pulls_of_one_account_do_not_meet(tmp_path: Path) -> None:
    with serve(WORLD) as server, journal.writing(tmp_path):
        with pytest.raises(BusyError, match="another pull"):
            pulled(tmp_path, server)
        with pytest.raises(BusyError, match="still runs"):
            journal.reading(tmp_path)


def test_a_torn_last_line_is_dropped_and_a_damaged_one_in_the_middle_is_not_passed_over(tmp_path: Path) -> None:
    with serve(WORLD) as server:
        pulled(tmp_path, server)
        whole = (tmp_path / FILE).read_bytes()
        lines = whole.splitlines(keepends=True)
        (tmp_path / FILE).write_bytes(b"".join(lines[:-1]) + lines[-1][:-3])
        n_before = len(server.requests)
        done = pulled(tmp_path, server)
        assert len(server.requests) - n_before == 1
    assert all(one.scope == "complete" for one in done.values()) and got(tmp_path) == truth(WORLD)
    (tmp_path / FILE).write_bytes(b"".join([*lines[:3], b'{"page":\n', *lines[4:]]))
    with pytest.raises(UnreadableFileError, match="damaged"):
        journal.reading(tmp_path)


@pytest.mark.parametrize("at", range(1, 12))
def test_a_pull_killed_at_any_page_goes_on_where_it_was(tmp_path: Path, at: int) -> None:
    """SIGKILL while the answer of request `at` is on its way; 11 is after the last: nothing is asked again."""
    killed: list[int] = []
    children: list[int] = []

    def answer(request: Request) -> Answer:
        if len(server.requests) == at and not killed:
            while not children:
                time.sleep(0.001)
            killed.append(children[0])
            os.kill(children[0], signal.SIGKILL)
        return WORLD(request)

    with serve(answer) as server:
        child = os.fork()
        if child == 0:
            try:
                connector = Connector(server.url)
                pull.pull(connector, connector.first_lists(), tmp_path, Options(concurrency=2, patience=QUICK))
            finally:
                os._exit(0)
        children.append(child)
        os.waitpid(child, 0)
        done = pulled(tmp_path, server)
        assert bool(killed) == (at <= WORLD.n_needed)
        assert len(server.requests) <= WORLD.n_needed + 2, "at most what was under way is asked again"
    assert all(one.scope == "complete" and one.n_collected == len(truth(WORLD)[key]) for key, one in done.items())
    assert got(tmp_path) == truth(WORLD)


@trials(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    n_followers=st.integers(0, 60),
    likers=st.lists(st.integers(0, 12), max_size=4),
    size=st.integers(1, 15),
    at=st.dictionaries(st.integers(1, 30), st.sampled_from([one for one in FAULTS if one != "hang"]), max_size=8),
    concurrency=st.integers(1, 4),
)
def test_whatever_the_lists_and_the_faults_the_drop_holds_the_list(
    tmp_path_factory: pytest.TempPathFactory,
    n_followers: int,
    likers: list[int],
    size: int,
    at: dict[int, str],
    concurrency: int,
) -> None:
    world = World(
        [f"f{n}" for n in range(n_followers)],
        {f"p{n}": [f"l{m}" for m in range(k)] for n, k in enumerate(likers)},
        size,
    )
    folder = tmp_path_factory.mktemp("pull")
    with serve(Faults(world, at, once_a_page=True)) as server:
        done = pulled(folder, server, concurrency=concurrency)
        assert len(server.requests) <= world.n_needed + 2 * len(at)
    held, there = got(folder), truth(world)
    for key, one in done.items():
        assert len(held[key]) == len(set(held[key])) == one.n_collected
        assert set(held[key]) <= set(there[key])
        if one.scope == "complete":
            assert held[key] == there[key]
        else:
            assert "errors" in at.values()
    if "errors" not in at.values():
        assert set(done) == set(there)


def test_rows_come_in_one_order_whatever_was_answered_first(tmp_path: Path) -> None:
    with serve(World(["f1"], {"p9": ["l1"], "p1": ["l2"], "p5": ["l3"]})) as server:
        pulled(tmp_path, server)
    book = journal.reading(tmp_path)
    assert book
    assert [row["post_id"] for row in journal.rows_of(tmp_path, book, "engagement")] == ["p1", "p5", "p9"]


def test_the_account_of_ours_is_in_every_row(tmp_path: Path) -> None:
    with serve(WORLD) as server:
        pulled(tmp_path, server)
    book = journal.reading(tmp_path)
    assert book
    for table in ("follower", "post", "engagement"):
        assert {row["account_id"] for row in journal.rows_of(tmp_path, book, table)} == {ACCOUNT}
