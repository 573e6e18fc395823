"""Compare spells of following with a plain day-by-day simulation, and one batch with the same lists night by night."""

from collections.abc import Iterable
from dataclasses import dataclass
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
MODELS = ("core.follower_list", "core.follow")


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
    shown=st.dictionaries(st.integers(1, 4), st.none() | st.integers(-9, 0), min_size=1),
)
histories = st.lists(pieces, max_size=20)


def on(day: int | None) -> date | None:
    return None if day is None else FIRST + timedelta(days=day)


def key(piece: Piece, member: int) -> int:
    """A member of one platform is nobody on another."""
    return member + (100 if ACCOUNTS[piece.account][0] == "mastodon" else 0)


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


def simulate(history: list[Piece]) -> tuple[set[tuple[Any, ...]], set[tuple[Any, ...]]]:
    """Walk through the days with a notebook: who is on the list, who was, and since when."""
    spells: list[tuple[str, str, int, Row]] = []
    lists: set[tuple[Any, ...]] = set()
    for number, (platform, account_id) in enumerate(ACCOUNTS):
        following: dict[int, Row] = {}
        complete_before: int | None = None
        for day in range(8):
            today = [piece for piece in history if piece.account == number and piece.day == day]
            if not today:
                continue
            shown: dict[int, list[int]] = {}
            for piece in today:
                for member, since in piece.shown.items():
                    shown.setdefault(key(piece, member), []).extend([] if since is None else [since])
            for member, dates in shown.items():
                if member not in following:
                    following[member] = {"first": day, "since": []}
                    spells.append((platform, account_id, member, following[member]))
                following[member]["last"] = day
                following[member]["since"] += dates
            is_complete = any(piece.is_complete for piece in today)
            if is_complete:
                for member in set(following) - set(shown):
                    following.pop(member)["ended"] = day
            before = complete_before if is_complete else None
            lists.add((platform, account_id, on(day), is_complete, len(shown), before))
            complete_before = len(shown) if is_complete else complete_before
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
        con.execute(f"DELETE FROM {table}")
    con.execute("DELETE FROM stg.follower")
    insert(con, "stg.follower", follower_rows(history))
    build(con, *MODELS)


def built(con: duckdb.DuckDBPyConnection) -> tuple[set[tuple[Any, ...]], set[tuple[Any, ...]]]:
    spells = [tuple(row.values()) for row in select(con, "SELECT * FROM core.follow")]
    lists = [tuple(row.values()) for row in select(con, "SELECT * FROM core.follower_list")]
    assert len(spells) == len(set(spells)), "no spell twice"
    assert len(lists) == len(set(lists)), "no list twice"
    return set(spells), set(lists)


@settings(max_examples=100, deadline=None)
@given(history=histories)
def test_spells_are_what_a_day_by_day_simulation_gives(history: list[Piece]) -> None:
    with filled_bench({}, AS_OF) as con:
        run_night(con, history)
        spells, lists = built(con)
    wanted_spells, wanted_lists = simulate(history)
    assert lists == wanted_lists
    assert spells == wanted_spells


@settings(max_examples=50, deadline=None)
@given(history=histories, ends=st.sets(st.integers(0, 7)))
def test_one_batch_gives_what_the_same_lists_give_night_by_night(history: list[Piece], ends: set[int]) -> None:
    with filled_bench({}, AS_OF) as con:
        run_night(con, history)
        at_once = built(con)
    with filled_bench({}, AS_OF) as con:
        since = 0
        for end in sorted(ends | {7}):
            run_night(con, [piece for piece in history if since <= piece.day <= end])
            since = end + 1
        assert built(con) == at_once
