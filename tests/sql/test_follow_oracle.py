"""Compare spells of following with a plain day-by-day simulation, and one batch with the same lists night by night."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import duckdb
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sql.case_runner import Row, build, filled_bench, insert, select

AS_OF = date(2026, 9, 30)
FIRST = date(2026, 9, 1)
# The second pair shares an id across platforms; nothing of one may show on the other.
ACCOUNTS = (("x", "7"), ("x", "8"), ("mastodon", "7"))
MODELS = ("core.list_reading", "core.list_overlap", "core.follower_list", "core.doubted_follower", "core.follow")
# Bands so narrow that lists of a handful of people meet them.
LOST, TIMES, OWN_FROM, MATTERS_FROM, LONGER = 0.4, 1.5, 2, 2, 2
BANDS: dict[str, list[Row]] = {
    "ref.band": [
        {"band": "follower_list_loses_at_most", "value": LOST},
        {"band": "follower_list_loses_times_average", "value": TIMES},
        {"band": "follower_list_own_limit_from", "value": OWN_FROM},
        {"band": "follower_list_shrink_matters_from", "value": MATTERS_FROM},
        {"band": "repeated_list_longer_by_people", "value": LONGER},
    ]
}


@dataclass(frozen=True)
class Piece:
    """One delivery's piece of one account's list of one day: whom it shows, and since when they say they follow."""

    day: int
    account: int
    is_complete: bool
    shown: dict[int, int | None]


# Nobody can be in an empty list: a list that shows nobody leaves no row and is no list.
pieces = st.builds(
    Piece,
    day=st.integers(0, 7),
    account=st.integers(0, len(ACCOUNTS) - 1),
    is_complete=st.booleans(),
    shown=st.dictionaries(st.integers(1, 6), st.none() | st.integers(-9, 0), min_size=1),
)
histories = st.lists(pieces, max_size=20)


def on(day: int | None) -> date | None:
    return None if day is None else FIRST + timedelta(days=day)


def key(piece: Piece, member: int) -> int:
    """A member of one platform is nobody on another; keys are spread over 64 bits, as pseudonyms are."""
    number = member + (100 if ACCOUNTS[piece.account][0] == "mastodon" else 0)
    return number * 0x9E3779B97F4A7C15 % 2**64


def follower_rows(history: Iterable[Piece]) -> list[Row]:
    return [
        {
            "delivery_id": f"d{n}",
            "follower_scope": "complete" if piece.is_complete else "partial",
            "platform": ACCOUNTS[piece.account][0],
            "account_id": ACCOUNTS[piece.account][1],
            "member_key": key(piece, member),
            "observed_on": on(piece.day),
            "followed_on": on(since),
        }
        for n, piece in enumerate(history)
        for member, since in piece.shown.items()
    ]


def is_contradicted(today: list[Piece]) -> bool:
    """Whether two complete pieces of a day share too few people to be one list."""
    complete = [set(piece.shown) for piece in today if piece.is_complete]
    everybody = set().union(*complete)
    return (
        len(complete) > 1 and len(everybody) >= MATTERS_FROM and len(everybody) > (1 + LOST) * min(map(len, complete))
    )


def is_repeated(shown: set[int], before: list[tuple[int, set[int]]]) -> bool:
    """Whether an account's list of a day is an old one, and a shorter one was read since."""
    first = min((day for day, people in before if people == shown), default=None)
    return (
        first is not None
        and len(shown) >= MATTERS_FROM
        and any(day > first and len(shown) >= len(people) + LONGER for day, people in before)
    )


@dataclass
class Judge:
    """One account's complete lists so far, and how many people it may lose from one to the next."""

    lists: list[set[int]] = field(default_factory=list)
    shares: list[float | None] = field(default_factory=list)
    limits: list[float] = field(default_factory=list)

    def believes(self, shown: set[int]) -> bool:
        """Whether nobody's absence since one of the four lists before is too much to be true."""
        before = self.lists[-1] if self.lists else set()
        share = 1 - len(before & shown) / len(before) if len(before) >= MATTERS_FROM else None
        compared = [one for one in self.shares if one is not None]
        limit = LOST
        if len(compared) >= OWN_FROM:
            limit = max(LOST / 2, min(LOST * 2, TIMES * sum(compared) / len(compared)))
        self.lists.append(shown)
        self.shares.append(share)
        self.limits.append(limit)
        steps = range(max(1, len(self.lists) - 4), len(self.lists))
        lossy = [n for n in steps if (lost := self.shares[n]) is not None and lost > self.limits[n]]
        return not any(len(self.lists[n - 1] & shown) < (1 - self.limits[n]) * len(self.lists[n - 1]) for n in lossy)


def simulate(history: list[Piece]) -> tuple[set[tuple[Any, ...]], set[tuple[Any, ...]]]:
    """Walk through the days with a notebook: who is on the list, who was, and since when."""
    spells: list[tuple[str, str, int, Row]] = []
    lists: set[tuple[Any, ...]] = set()
    for number, (platform, account_id) in enumerate(ACCOUNTS):
        following: dict[int, Row] = {}
        read: list[tuple[int, set[int]]] = []
        judge = Judge()
        for day in range(8):
            today = [piece for piece in history if piece.account == number and piece.day == day]
            if not today or is_contradicted(today):
                continue
            shown: dict[int, list[int]] = {}
            for piece in today:
                for member, since in piece.shown.items():
                    shown.setdefault(key(piece, member), []).extend([] if since is None else [since])
            is_complete = any(piece.is_complete for piece in today)
            if is_complete and len(today) == 1:
                is_old = is_repeated(set(shown), read)
                read.append((day, set(shown)))
                if is_old:
                    continue
            before = judge.lists[-1] if is_complete and judge.lists else None
            is_believed = is_complete and judge.believes(set(shown))
            is_counted = is_believed or not is_complete
            for member, dates in shown.items() if is_counted else ():
                if member not in following:
                    following[member] = {"first": day, "since": []}
                    spells.append((platform, account_id, member, following[member]))
                following[member]["last"] = day
                following[member]["since"] += dates
            if is_believed:
                for member in set(following) - set(shown):
                    following.pop(member)["ended"] = day
            again = None if before is None else len(before & set(shown))
            n_before = None if before is None else len(before)
            lists.add((platform, account_id, on(day), is_believed, len(shown), n_before, again, is_complete))
    declared = {
        (*who, on(min(spell["since"], default=None)), on(spell["first"]), on(spell["last"]), on(spell.get("ended")))
        for *who, spell in spells
    }
    assert len(declared) == len(spells)
    return declared, lists


def run_night(con: duckdb.DuckDBPyConnection, history: Iterable[Piece]) -> None:
    """Carry last night's tables forward, and build tonight's from them and some lists."""
    for table in MODELS:
        name = table.split(".")[1]
        con.execute(f"DELETE FROM prior.{name}")
        con.execute(f"INSERT INTO prior.{name} BY NAME SELECT * FROM {table}")
    for table in (*MODELS, "stg.follower"):
        con.execute(f"DELETE FROM {table}")
    insert(con, "stg.follower", follower_rows(history))
    build(con, *MODELS)


def everything(con: duckdb.DuckDBPyConnection) -> dict[str, list[tuple[Any, ...]]]:
    return {table: con.execute(f"FROM {table} ORDER BY ALL").fetchall() for table in MODELS}


def built(con: duckdb.DuckDBPyConnection) -> tuple[set[tuple[Any, ...]], set[tuple[Any, ...]]]:
    spells = [tuple(row.values()) for row in select(con, "SELECT * FROM core.follow")]
    lists = [
        tuple(row.values()) for row in select(con, "SELECT * EXCLUDE (list_loses_at_most) FROM core.follower_list")
    ]
    assert len(spells) == len(set(spells)), "no spell twice"
    assert len(lists) == len(set(lists)), "no list twice"
    return set(spells), set(lists)


@settings(max_examples=750, deadline=None)
@given(history=histories)
def test_spells_are_what_a_day_by_day_simulation_gives(history: list[Piece]) -> None:
    with filled_bench(BANDS, AS_OF) as con:
        run_night(con, history)
        spells, lists = built(con)
    wanted_spells, wanted_lists = simulate(history)
    assert lists == wanted_lists
    assert spells == wanted_spells


@settings(max_examples=75, deadline=None)
@given(history=histories, ends=st.sets(st.integers(0, 7)))
def test_one_batch_gives_what_the_same_lists_give_night_by_night(history: list[Piece], ends: set[int]) -> None:
    with filled_bench(BANDS, AS_OF) as con:
        run_night(con, history)
        at_once = everything(con)
    with filled_bench(BANDS, AS_OF) as con:
        since = 0
        for end in sorted(ends | {7}):
            run_night(con, [piece for piece in history if since <= piece.day <= end])
            since = end + 1
        assert everything(con) == at_once
