"""The budget guard against an X that bills as its rule says: never above the budget, each resource once a UTC day."""

import json
import logging
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import settings as trials
from hypothesis import strategies as st

from pipelines.common.contract import contracts
from pipelines.common.errors import (
    LandedFileChangedError,
    ListRefusedError,
    PlatformBusyError,
    PlatformRefusedError,
    RefError,
)
from pipelines.common.settings import Settings
from pipelines.extract.pulls.budget import Budget, open_budget, usd
from pipelines.extract.pulls.ledger import Ledger, write_cost
from pipelines.extract.pulls.price import MICRO, Charge, Price, Prices, read_prices
from pipelines.extract.pulls.source import Source
from tests.extract.samples.x_api import settings_in

FOLLOWER, OWNED, POST, USER = Charge("follower"), Charge("follower", True), Charge("post"), Charge("user")
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY = NOON.date()


class Clock:
    """A clock that is set by hand."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


def budget_in(folder: Path, dollars: float, clock: Clock | None = None, **more: Any) -> Budget:
    """Open a budget with the shipped prices, as a new process would."""
    settings = settings_in(folder)
    more = {"patience": 0.0} | more
    return Budget(
        settings, "x_api", dollars, more.pop("prices", None) or read_prices(settings), now=clock or Clock(), **more
    )


def spent(folder: Path, day: date = DAY) -> int:
    ledger = Ledger(settings_in(folder), "x_api")
    with ledger.locked():
        return ledger.month(day).spent


def bought(budget: Budget, key: str, charge: Charge, ids: Sequence[str], least: int = 1) -> int:
    """Ask for as many as there are and be answered."""
    size = budget.ask(key, "a list", [charge], least, len(ids))
    budget.answered(key, [(charge, one) for one in ids[:size]])
    return size


def test_a_request_that_could_pass_the_budget_is_not_made(tmp_path: Path) -> None:
    budget = budget_in(tmp_path, 10.0)
    assert bought(budget, "one", FOLLOWER, [str(n) for n in range(900)]) == 900
    # A hundred are still affordable: the page is made smaller rather than the money left unused.
    assert bought(budget, "two", FOLLOWER, [f"b{n}" for n in range(1000)]) == 100
    with pytest.raises(PlatformRefusedError, match=r"could cost \$0\.01, \$0\.00 of this month's \$10\.00 is left"):
        budget.ask("three", "a list", [FOLLOWER], 1, 1000)
    with pytest.raises(PlatformRefusedError, match=r"could cost \$0\.05"):
        budget.ask("four", "a list", [POST], 10, 100)
    assert spent(tmp_path) == 10 * MICRO


def test_a_resource_is_charged_once_a_utc_day(tmp_path: Path) -> None:
    clock = Clock()
    ids = ["1", "2", "2", "3"]
    for at, charged in ((NOON, 3), (NOON + timedelta(hours=11), 3), (NOON + timedelta(hours=12), 6)):
        clock.now = at
        bought(budget_in(tmp_path, 10.0, clock), f"at {at}", FOLLOWER, ids)  # a process of its own each time
        assert spent(tmp_path) == charged * 10_000
    # Another resource, or the same as an owned read, is another charge.
    bought(budget_in(tmp_path, 10.0, clock), "owned", OWNED, ids)
    assert spent(tmp_path) == 6 * 10_000 + 3 * 1_000


def test_an_answer_that_never_came_counts_in_full_until_its_page_comes(tmp_path: Path) -> None:
    clock = Clock()
    budget = budget_in(tmp_path, 10.0, clock)
    assert budget.ask("page", "a list", [FOLLOWER], 1, 1000) == 1000
    assert spent(tmp_path) == 10 * MICRO
    again = budget_in(tmp_path, 10.0, clock)  # killed, started again: the same page may be asked for
    assert again.ask("page", "a list", [FOLLOWER], 1, 1000) == 1000
    again.answered("page", [(FOLLOWER, "1")])
    assert spent(tmp_path) == 10_000
    again.ask("page", "a list", [FOLLOWER], 1, 500)
    clock.now += timedelta(days=1)  # X bills anew on another day: what yesterday's answer cost stays unknown
    assert budget_in(tmp_path, 10.0, clock).ask("page", "a list", [FOLLOWER], 1, 1000) == 499


def test_a_refused_request_costs_nothing_but_what_was_lost_before_it_stays(tmp_path: Path) -> None:
    budget = budget_in(tmp_path, 10.0)
    budget.ask("page", "a list", [FOLLOWER], 1, 100)
    budget.failed("page")
    assert spent(tmp_path) == 0
    budget.ask("page", "a list", [FOLLOWER], 1, 100)  # cut off: X may have charged it
    budget.ask("page", "a list", [FOLLOWER], 1, 100)
    budget.failed("page")  # a 429
    assert spent(tmp_path) == MICRO
    budget.ask("page", "a list", [FOLLOWER], 1, 100)
    budget.answered("page", [(FOLLOWER, "1")])
    assert spent(tmp_path) == 10_000


def test_a_late_answer_to_a_repeated_request_is_paid_for_too(tmp_path: Path) -> None:
    budget = budget_in(tmp_path, 10.0)
    budget.ask("page", "a list", [FOLLOWER], 1, 100)
    budget.answered("page", [(FOLLOWER, "1")])
    budget.answered("page", [(FOLLOWER, "1"), (FOLLOWER, "2")])
    assert spent(tmp_path) == 2 * 10_000


def test_a_list_is_estimated_before_it_is_begun_and_refused_whole(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    budget = budget_in(tmp_path, 100.0)
    with caplog.at_level(logging.INFO):
        budget.plan("a", "follower list of x:1", {FOLLOWER: 6000})
    assert "follower list of x:1 costs at most $60.00; $100.00 of the month is left" in caplog.text
    with pytest.raises(ListRefusedError, match=r"could cost \$50\.00, \$40\.00 of this month's \$100\.00 is left"):
        budget.plan("b", "follower list of x:2", {FOLLOWER: 5000})
    # What one list holds, no other request gets; its own do, and use it up.
    assert budget.ask("other", "a list", [FOLLOWER], 1, 10_000) == 4000
    budget.failed("other")
    size = budget.ask("own", "a list", [FOLLOWER], 1, 10_000, plan="a")
    assert size == 10_000
    budget.answered("own", [(FOLLOWER, str(n)) for n in range(1000)])
    assert budget.left() == pytest.approx(100 - 60)
    budget.end(["a"])
    assert budget.left() == pytest.approx(90)
    assert budget_in(tmp_path, 100.0).left() == pytest.approx(90)


def test_a_plan_holds_for_its_day_and_for_a_pull_begun_again(tmp_path: Path) -> None:
    clock = Clock()
    budget_in(tmp_path, 100.0, clock).plan("a", "a list", {FOLLOWER: 9000})
    budget_in(tmp_path, 100.0, clock).plan("a", "a list", {FOLLOWER: 9000})  # the same list, after a kill
    assert budget_in(tmp_path, 100.0, clock).left() == pytest.approx(10)
    clock.now += timedelta(days=1)
    assert budget_in(tmp_path, 100.0, clock).left() == pytest.approx(100)


def test_a_new_month_has_a_new_budget(tmp_path: Path) -> None:
    clock = Clock(datetime(2026, 11, 30, 23, 59, tzinfo=UTC))
    bought(budget_in(tmp_path, 1.0, clock), "one", FOLLOWER, [str(n) for n in range(100)])
    with pytest.raises(PlatformRefusedError):
        budget_in(tmp_path, 1.0, clock).ask("two", "a list", [FOLLOWER], 1, 1)
    clock.now += timedelta(minutes=1)
    assert bought(budget_in(tmp_path, 1.0, clock), "three", FOLLOWER, ["x"]) == 1


def test_the_cap_of_post_reads_holds_whatever_the_budget(tmp_path: Path) -> None:
    shipped = read_prices(settings_in(tmp_path))
    assert shipped.at(POST, DAY).n_most == shipped.at(Charge("post", True), DAY).n_most == 3_000_000
    day = date(2026, 1, 1)
    prices = Prices([Price(POST, 0, day, 250), Price(Charge("post", True), 0, day, 250), Price(USER, 0, day, None)])
    budget = budget_in(tmp_path, 1.0, prices=prices)
    assert bought(budget, "one", POST, [str(n) for n in range(200)]) == 200
    # Three posts can come with each entry: fifty reads are sixteen of those.
    assert budget.ask("two", "a list", [Charge("post", True), POST, POST], 5, 100) == 16
    budget.failed("two")
    with pytest.raises(PlatformRefusedError, match="would pass the month's cap"):
        budget.ask("three", "a list", [POST], 60, 100)
    assert budget.ask("four", "a list", [USER], 1, 1000) == 1000


def test_money_under_way_is_waited_for(tmp_path: Path) -> None:
    budget, other = budget_in(tmp_path, 10.0, patience=5.0), budget_in(tmp_path, 10.0, patience=5.0)
    budget.ask("one", "a list", [FOLLOWER], 1, 1000)
    back = threading.Timer(0.2, budget.failed, ["one"])
    back.start()
    assert other.ask("two", "a list", [FOLLOWER], 1, 1000) == 1000
    back.join()
    impatient = budget_in(tmp_path, 10.0)
    with pytest.raises(PlatformBusyError, match="is held by requests under way"):
        impatient.ask("three", "a list", [FOLLOWER], 1, 1000)
    with pytest.raises(PlatformBusyError, match="is held by requests under way"):
        impatient.plan("three", "a list", {FOLLOWER: 1})
    late = budget_in(tmp_path, 10.0, Clock(NOON + timedelta(minutes=4)))  # nobody waits for that answer any more
    with pytest.raises(PlatformRefusedError):
        late.ask("four", "a list", [FOLLOWER], 1, 1000)


def test_many_threads_of_many_processes_never_pass_the_budget(tmp_path: Path) -> None:
    refused: list[Exception] = []

    def work(name: int) -> None:
        mine = budget_in(tmp_path, 3.0, patience=3.0)
        for n in range(8):
            try:
                bought(mine, f"{name} {n}", FOLLOWER, [f"{name} {n} {one}" for one in range(20)])
            except PlatformRefusedError as failure:
                refused.append(failure)

    threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert spent(tmp_path) == 3 * MICRO
    assert refused


def test_a_ledger_cut_off_anywhere_loses_no_money(tmp_path: Path) -> None:
    budget = budget_in(tmp_path, 10.0)
    bought(budget, "one", FOLLOWER, ["1", "2"])
    budget.plan("list", "a list", {FOLLOWER: 10})
    bought(budget, "two", POST, ["3"])
    path = tmp_path / "cost" / "x_api" / "2026-11.jsonl"
    whole = path.read_bytes()
    ends = [n + 1 for n, byte in enumerate(whole) if byte == ord("\n")]
    after = {0: 0}
    for end in ends:
        path.write_bytes(whole[:end])
        after[end] = spent(tmp_path)
    assert list(after.values()) == [0, 20_000, 20_000, 20_000, 25_000, 25_000]
    for cut in range(0, len(whole), 7):
        path.write_bytes(whole[:cut])
        kept = max(end for end in after if end <= cut)
        assert spent(tmp_path) == after[kept]
        again = budget_in(tmp_path, 10.0)
        again.ask("three", "a list", [FOLLOWER], 1, 1)
        assert path.read_bytes()[:kept] == whole[:kept]
        assert spent(tmp_path) == after[kept] + 10_000
        assert all(json.loads(line) for line in path.read_bytes().splitlines())


def test_a_damaged_ledger_stops_the_pull(tmp_path: Path) -> None:
    bought(budget_in(tmp_path, 10.0), "one", FOLLOWER, ["1"])
    path = tmp_path / "cost" / "x_api" / "2026-11.jsonl"
    path.write_bytes(b'{"event":"asked"}\n' + path.read_bytes())
    with pytest.raises(LandedFileChangedError, match=r"2026-11\.jsonl: has a line that is none of it"):
        budget_in(tmp_path, 10.0).left()


def test_no_id_is_kept_and_hashes_only_for_the_day(tmp_path: Path) -> None:
    clock = Clock()
    bought(budget_in(tmp_path, 10.0, clock), "one", FOLLOWER, ["7001234567890"])
    kept = tmp_path / "work" / "charged" / "x_api"
    assert sorted(path.name for path in kept.iterdir()) == ["2026-11-23.ids", "2026-11-23.key"]
    assert (kept / "2026-11-23.ids").stat().st_size == 8
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not [path for path in files if b"7001234567890" in path.read_bytes()]
    assert {path.stat().st_mode & 0o077 for path in files if path.name != ".lock"} == {0}
    assert {folder.stat().st_mode & 0o077 for folder in (kept, tmp_path / "cost", tmp_path / "cost" / "x_api")} == {0}
    clock.now += timedelta(days=1)
    budget_in(tmp_path, 10.0, clock)
    assert not list(kept.iterdir())


def test_torn_hashes_count_for_nothing(tmp_path: Path) -> None:
    bought(budget_in(tmp_path, 10.0), "one", FOLLOWER, ["1", "2"])
    hashes = tmp_path / "work" / "charged" / "x_api" / "2026-11-23.ids"
    hashes.write_bytes(hashes.read_bytes()[:-3])
    bought(budget_in(tmp_path, 10.0), "two", FOLLOWER, ["1", "2", "3"])
    assert hashes.stat().st_size == 3 * 8
    assert spent(tmp_path) == 4 * 10_000  # one of them is counted twice: too much rather than too little


class Bill:
    """X's own side, written for the test: what it charges is a set; what nobody heard of may be charged as well."""

    def __init__(self) -> None:
        self.charged: set[tuple[date, Charge, str]] = set()

    def of(self, month: str, prices: Prices) -> int:
        return sum(prices.at(charge, day).micro for day, charge, _ in self.charged if f"{day:%Y-%m}" == month)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["answered", "answered", "answered", "failed", "lost", "killed"]),
        st.integers(0, 5),  # which page: its people are the same whenever it is asked for
        st.sampled_from([(FOLLOWER,), (OWNED,), (POST, USER), (POST, POST)]),
        st.integers(1, 60),  # entries asked for
        st.integers(0, 30),  # hours until the next
        st.booleans(),  # a list with a plan
    ),
    max_size=30,
)


@trials(max_examples=60, deadline=None)
@given(steps=STEPS, cents=st.integers(0, 300))
def test_whatever_happens_x_never_bills_more_than_the_budget(
    steps: list[tuple[str, int, tuple[Charge, ...], int, int, bool]], cents: int
) -> None:
    with TemporaryDirectory() as name:
        folder, clock, bill = Path(name), Clock(), Bill()
        prices = read_prices(settings_in(folder))
        budget = budget_in(folder, cents / 100, clock)
        certain = True
        for what, page, charges, n, hours, planned in steps:
            key, day = f"{page} {charges}", clock.now.date()
            try:
                if planned:
                    budget.plan(f"list {page}", "a list", dict.fromkeys(charges, n))
                size = budget.ask(key, "a list", charges, 1, n, plan=f"list {page}" if planned else None)
            except (ListRefusedError, PlatformRefusedError, PlatformBusyError):
                clock.now += timedelta(hours=hours)
                continue
            assert 1 <= size <= n
            came = [(charge, f"{page} {at} {place}") for place, charge in enumerate(charges) for at in range(size)]
            if what != "failed":
                bill.charged |= {(day, *one) for one in came}
            if what == "answered":
                budget.answered(key, came)
            elif what == "failed":
                budget.failed(key)
            else:
                certain = False
                budget = budget_in(folder, cents / 100, clock) if what == "killed" else budget
            month = f"{day:%Y-%m}"
            assert bill.of(month, prices) <= spent(folder, day) <= cents * 10_000
            if certain:
                assert bill.of(month, prices) == spent(folder, day)
            clock.now += timedelta(hours=hours)


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        columns = ", ".join(f"{column.name} {column.type}" for column in contracts("meta")["cost"].columns)
        con.execute(f"CREATE SCHEMA meta; CREATE TABLE meta.cost ({columns})")
        yield con


def test_meta_cost_says_what_was_spent_day_by_day(tmp_path: Path, con: duckdb.DuckDBPyConnection) -> None:
    clock = Clock()
    budget = budget_in(tmp_path, 10.0, clock)
    bought(budget, "one", FOLLOWER, ["1", "2"])
    bought(budget, "two", FOLLOWER, ["2", "3"])
    budget.ask("quotes", "a list", [POST, USER], 10, 10)
    budget.answered("quotes", [(POST, "5"), (USER, "6"), (USER, "7")])
    budget.ask("lost", "a list", [OWNED], 1, 40)
    clock.now += timedelta(days=1)
    bought(budget, "three", FOLLOWER, ["1"])
    settings = settings_in(tmp_path)
    for _ in range(2):  # written anew each night
        write_cost(con, settings, DAY)
    rows = con.execute("SELECT * FROM meta.cost ORDER BY resource, is_owned_read").fetchall()
    assert rows == [
        (DAY, "x_api", "follower", False, False, 2, 4, 3, 0.01, 0.03),
        (DAY, "x_api", "follower", True, True, 1, None, 40, 0.001, 0.04),
        (DAY, "x_api", "post", False, False, 1, 1, 1, 0.005, 0.005),
        (DAY, "x_api", "user", False, False, 1, 2, 2, 0.01, 0.02),
    ]
    write_cost(con, settings, DAY + timedelta(days=1))
    assert con.execute("SELECT count(*), sum(usd) FROM meta.cost").fetchone() == (5, pytest.approx(0.105))
    keys = ", ".join(contracts("meta")["cost"].key)
    assert con.execute(f"SELECT count(DISTINCT ({keys})) FROM meta.cost").fetchone() == (5,)


def test_without_a_ledger_meta_cost_is_empty(tmp_path: Path, con: duckdb.DuckDBPyConnection) -> None:
    write_cost(con, settings_in(tmp_path), DAY)
    assert con.execute("SELECT count(*) FROM meta.cost").fetchone() == (0,)


def test_the_shipped_prices_are_those_of_2026(tmp_path: Path) -> None:
    prices = read_prices(settings_in(tmp_path))
    known = {FOLLOWER: 10_000, OWNED: 1_000, POST: 5_000, USER: 10_000, Charge("like"): 1_000}
    assert {charge: prices.at(charge, DAY).micro for charge in known} == known
    assert prices.at(Charge("user", True), DAY).micro == 10_000  # no owned price of its own
    with pytest.raises(RefError, match="has no price of bookmark on 2026-11-23"):
        prices.at(Charge("bookmark"), DAY)
    with pytest.raises(RefError, match="has no price of post on 2020-01-01"):
        prices.at(POST, date(2020, 1, 1))


HEADER = "resource,usd,is_owned,valid_from,n_most_per_month,source,reason"
GOOD = "post,0.005,no,2026-01-01,,a page,Because."


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["resource,usd"], "has the columns resource, usd"),
        ([HEADER, "post,0.005,no"], "line 2: has too many or too few cells"),
        ([HEADER, "post,five,no,2026-01-01,,a page,Because."], "has 'five' for usd"),
        ([HEADER, "post,-1,no,2026-01-01,,a page,Because."], "has '-1' for usd"),
        ([HEADER, "post,NaN,no,2026-01-01,,a page,Because."], "has 'NaN' for usd"),
        ([HEADER, "post,0.0000001,no,2026-01-01,,a page,Because."], "has '0.0000001' for usd"),
        ([HEADER, "post,0.005,maybe,2026-01-01,,a page,Because."], "has 'maybe' for is_owned"),
        ([HEADER, "post,0.005,no,yesterday,,a page,Because."], "has 'yesterday' for valid_from"),
        ([HEADER, "post,0.005,no,2026-01-01,many,a page,Because."], "has 'many' for n_most_per_month"),
        ([HEADER, "post,0.005,no,2026-01-01,,a page,"], "line 2: has no reason"),
        ([HEADER, GOOD, GOOD], "line 3: prices a resource twice for one day"),
    ],
)
def test_an_unusable_price_is_named(tmp_path: Path, lines: list[str], message: str) -> None:
    (tmp_path / "price.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(RefError, match=message.replace("'", ".")):
        read_prices(replace(settings_in(tmp_path), ref=tmp_path))


def test_a_deployments_own_price_holds_from_its_day_on(tmp_path: Path) -> None:
    later = GOOD.replace("0.005", "0.002").replace("2026-01-01", "2026-11-24")
    (tmp_path / "price.csv").write_text("\n".join([HEADER, later, GOOD]) + "\n", encoding="utf-8")
    prices = read_prices(replace(settings_in(tmp_path), ref=tmp_path))
    assert [prices.at(POST, DAY + timedelta(days=n)).micro for n in (0, 1)] == [5_000, 2_000]


def test_without_a_budget_nothing_is_opened(tmp_path: Path) -> None:
    settings: Settings = settings_in(tmp_path)
    with pytest.raises(PlatformRefusedError, match=r"has no budget_usd_per_month.*docs/POLICY\.md"):
        open_budget(Source("x_api"), settings)
    assert open_budget(Source("x_api", budget_usd_per_month=2.5), settings).left() == 2.5


def test_money_is_said_in_cents_rounded_up() -> None:
    assert [usd(n) for n in (-5, 0, 1, 10_000, 1_234_560_001)] == ["$0.00", "$0.00", "$0.01", "$0.01", "$1,234.57"]
