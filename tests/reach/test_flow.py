"""Compare arrivals, departures and silence with a plain count, person by person and week by week, on 200 small worlds.

Every world is a platform of its own, so that one run of the model answers for all of them.
"""

import random
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction
from functools import cache
from math import floor
from typing import Any

import pytest

from tests.docs.queries import page_query
from tests.sql.case_runner import Row, build, filled_bench, insert, select

AS_OF = date(2026, 9, 30)  # a Wednesday
MONDAY = date(2026, 9, 28)
N_WORLDS = 200
N_WEEKS = 9
WEEKS = [MONDAY - timedelta(weeks=n) for n in range(N_WEEKS - 1, -1, -1)]
LIKELY = [Fraction(one) for one in ("1", "1", "0.35", "0.5", "0.123457")]
NO_PEOPLE = ("no follower list", "before the first list", "no complete list this week")
FIRST = "first lists: nobody is seen to come or go"


@dataclass
class Account:
    """An account: the days of its complete lists, and the Monday on which it closed, if it did."""

    account_id: str
    list_days: list[date]
    closed_on: date | None

    def is_listed(self, week: date) -> bool:
        return any(week <= day < week + timedelta(days=7) for day in self.list_days)

    def is_closed(self, day: date) -> bool:
        return self.closed_on is not None and self.closed_on <= day


@dataclass
class Person:
    """A person: on which of each account's lists they stand, when they acted, and how they belong to the riders."""

    member_key: int
    shown: dict[str, list[bool]]
    acts: list[date]
    likely: Fraction | None
    how_left: str
    followed_on: dict[str, date] = field(default_factory=dict)


@dataclass
class World:
    """A platform with its accounts and people."""

    platform: str
    accounts: list[Account]
    people: list[Person]

    def spells(self, person: Person, account: Account) -> list[tuple[date, date, date | None]]:
        """First list, last list and the list that ended it, for every run of lists that show somebody."""
        found: list[tuple[date, date, date | None]] = []
        was_shown = False
        for day, is_shown in zip(account.list_days, person.shown[account.account_id], strict=True):
            if is_shown and was_shown:
                found[-1] = (found[-1][0], day, None)
            elif is_shown:
                found.append((day, day, None))
            elif was_shown:
                found[-1] = (*found[-1][:2], day)
            was_shown = is_shown
        return found

    def stands(self, person: Person, account: Account, day: date) -> bool:
        """Whether the latest list of an open account by some day shows somebody."""
        if account.is_closed(day):
            return False
        shown = [one for on, one in zip(account.list_days, person.shown[account.account_id], strict=True) if on <= day]
        return bool(shown) and shown[-1]

    def last_seen_on(self, person: Person) -> date:
        days = [last for account in self.accounts for _, last, _ in self.spells(person, account)]
        return max([*days, *person.acts])

    def is_present(self, person: Person) -> bool:
        follows = any(ended is None for account in self.accounts for _, _, ended in self.spells(person, account))
        return follows or any(day > AS_OF - timedelta(days=90) for day in person.acts)

    def counts(self, person: Person, segment: str) -> Fraction:
        """How much of one of the segment's people somebody is."""
        if segment == "everyone":
            return Fraction(1)
        left_on = self.left_on(person)
        last = left_on is None or (not self.is_present(person) and left_on > self.last_seen_on(person))
        return person.likely if person.likely is not None and last else Fraction(0)

    def left_on(self, person: Person) -> date | None:
        later = {"stays": None, "goes": 1, "had gone": -1}[person.how_left]
        return None if later is None else self.last_seen_on(person) + timedelta(days=later)


def make_world(number: int) -> World:
    """Make up a small platform: up to 4 accounts with lists in most weeks, up to 7 people who come and go."""
    chance = random.Random(number)
    accounts = []
    for name in "abcd"[: chance.choice([1, 2, 3, 4])]:
        first = chance.choice([0, 0, 0, 2, N_WEEKS])
        missing = chance.choice([0, 0, 0.3])
        days = [week + timedelta(days=2) for week in WEEKS[first:] if chance.random() >= missing]
        closed_on = chance.choice([None, None, None, chance.choice(WEEKS)])
        accounts.append(Account(name, days, closed_on))
    people = [make_person(chance, 100 * number + n, accounts) for n in range(chance.randint(1, 7))]
    # Somebody who interacts every week, as on a platform that is read without gaps.
    if chance.random() < 0.8:
        always = [AS_OF - timedelta(days=7 * n + 1) for n in range(chance.choice([30, 30, 18]))]
        people.append(Person(100 * number + 99, {one.account_id: [False] * len(one.list_days) for one in accounts},
                             always, None, "stays"))  # fmt: skip
    return World(f"p{number:03}", accounts, people)


def make_person(chance: random.Random, member_key: int, accounts: list[Account]) -> Person:
    shown, followed_on = {}, {}
    for account in accounts:
        steady = chance.choice([0.02, 0.9, 0.5])
        shown[account.account_id] = [chance.random() < steady for _ in account.list_days]
        if account.list_days and chance.random() < 0.2:
            followed_on[account.account_id] = account.list_days[0] - timedelta(days=chance.choice([3, 80, 300]))
    acts = [
        AS_OF - timedelta(days=chance.choice([0, 40, 88, 89, 90, 91, 140, 200])) for _ in range(chance.randint(0, 2))
    ]
    if not any(any(one) for one in shown.values()) and not acts:
        acts = [AS_OF]
    likely = chance.choice([None, *LIKELY])
    return Person(member_key, shown, acts, likely, chance.choice(["stays", "goes", "had gone"]), followed_on)


@cache
def worlds() -> tuple[World, ...]:
    return tuple(make_world(number) for number in range(N_WORLDS))


def rows_of(world: World) -> dict[str, list[Row]]:
    """Write a world as the tables the model reads."""
    here = {"platform": world.platform}
    rows: dict[str, list[Row]] = defaultdict(list)
    for account in world.accounts:
        key = here | {"account_id": account.account_id}
        is_open = not account.is_closed(AS_OF)
        rows["core.account"].append(key | {"role": "own", "is_open": is_open, "closed_on": account.closed_on})
        for day in account.list_days:
            rows["core.follower_list"].append(key | {"observed_on": day, "is_complete": True})
        for person in world.people:
            for n, (first, last, ended) in enumerate(world.spells(person, account)):
                followed_on = person.followed_on.get(account.account_id) if n == 0 else None
                rows["core.follow"].append(
                    key | {"member_key": person.member_key, "followed_on": followed_on, "first_seen_on": first,
                           "last_seen_on": last, "ended_on": ended}
                )  # fmt: skip
    for person in world.people:
        one = here | {"member_key": person.member_key}
        rows["core.member"].append(
            one | {"is_present": world.is_present(person), "last_seen_on": world.last_seen_on(person)}
        )
        rows["core.engagement"] += [one | {"account_id": "a", "engaged_on": day} for day in person.acts]
        if person.likely is not None:
            rows["core.segment_membership"].append(
                one | {"segment_id": "rider", "left_on": world.left_on(person),
                       "membership_probability": float(person.likely)}
            )  # fmt: skip
    return rows


@cache
def got() -> dict[tuple[str, str, date], Row]:
    """Run the model once over all worlds."""
    rows: dict[str, list[Row]] = defaultdict(list)
    for world in worlds():
        for table, some in rows_of(world).items():
            rows[table] += some
    with filled_bench({"ref.segment": [{"segment_id": "rider"}]}, AS_OF) as con:
        for table, some in rows.items():
            for n in range(0, len(some), 500):
                insert(con, table, some[n : n + 500])
        build(con, "mart.community_flow")
        found = select(con, "SELECT * FROM mart.community_flow")
    return {(row["platform"], row["segment_id"], row["week_on"]): row for row in found}


def week_end(week: date) -> date:
    return min(week + timedelta(days=6), AS_OF)


def expected(world: World, segment: str) -> dict[date, dict[str, Any]]:
    """Count a segment's people week by week."""
    counts: dict[date, dict[str, Fraction]] = {week: defaultdict(Fraction) for week in WEEKS}
    for person in world.people:
        p = world.counts(person, segment)
        was_there, has_been_there = False, False
        for week in WEEKS:
            day = week_end(week)
            here = [one for one in world.accounts if world.stands(person, one, day)]
            if here:
                counts[week]["present_people"] += p
                if not lively(world, person, day):
                    counts[week]["dormant_people"] += p
            if here and not was_there:
                began = [one for one in here if week <= first_day_of_spell(world, person, one, day)]
                if any(one.list_days[0] == first_day_of_spell(world, person, one, day) for one in began):
                    counts[week]["newly_listed_people"] += p
                else:
                    counts[week]["arrived_people"] += p
                    counts[week]["returned_people"] += p if has_been_there else 0
            if was_there and not here:
                before = week - timedelta(days=1)
                dropped = [
                    one for one in world.accounts if world.stands(person, one, before) and not one.is_closed(day)
                ]
                counts[week]["departed_people" if dropped else "unseen_people"] += p
            was_there, has_been_there = bool(here), has_been_there or bool(here)
    return {week: known(world, week, counts[week]) for week in WEEKS}


def first_day_of_spell(world: World, person: Person, account: Account, day: date) -> date:
    return max(first for first, _, _ in world.spells(person, account) if first <= day)


def lively(world: World, person: Person, day: date) -> bool:
    """Whether somebody acted, or began to follow, in the 90 days up to a day."""
    signs = list(person.acts)
    for account in world.accounts:
        for n, (first, _, _) in enumerate(world.spells(person, account)):
            followed_on = person.followed_on.get(account.account_id) if n == 0 else None
            if followed_on:
                signs.append(followed_on)
            elif first > account.list_days[0]:
                signs.append(first)
    return any(day - timedelta(days=90) < sign <= day for sign in signs)


def known(world: World, week: date, counts: dict[str, Fraction]) -> dict[str, Any]:
    """Withhold what lists and acts cannot tell, and say why."""
    flow, quiet = flow_reason(world, week), quiet_reason(world, week)
    figures: dict[str, Any] = {"flow_reason": flow, "dormancy_reason": flow if flow in NO_PEOPLE else quiet}
    for name in ("arrived_people", "returned_people", "departed_people", "unseen_people"):
        figures[name] = None if flow in (*NO_PEOPLE, FIRST) else floor(counts[name] + Fraction(1, 2))
    for name in ("present_people", "newly_listed_people"):
        figures[name] = None if flow in NO_PEOPLE else floor(counts[name] + Fraction(1, 2))
    hidden = flow in NO_PEOPLE or quiet
    figures["dormant_people"] = None if hidden else floor(counts["dormant_people"] + Fraction(1, 2))
    return figures


def flow_reason(world: World, week: date) -> str | None:
    listed = [one for one in world.accounts if one.list_days]
    if not listed:
        return "no follower list"
    first_week = min(one.list_days[0] for one in listed)
    if first_week > week_end(week):
        return "before the first list"

    def missing(some_week: date) -> tuple[int, int]:
        begun = [one for one in listed if one.list_days[0] <= week_end(some_week)
                 and not one.is_closed(week_end(some_week))]  # fmt: skip
        return len(begun), len([one for one in begun if one.is_listed(some_week)])

    n_accounts, n_listed = missing(week)
    n_before, n_listed_before = missing(week - timedelta(days=7))
    if not n_listed:
        return "no complete list this week"
    if week <= first_week:
        return FIRST
    if n_listed < n_accounts:
        return "some lists missing: at least this many"
    return "holds changes of weeks without lists" if n_listed_before < n_before else None


def quiet_reason(world: World, week: date) -> str | None:
    acts = [day for person in world.people for day in person.acts]
    if not acts:
        return "no engagement extract"
    if min(acts) > week_end(week) - timedelta(days=89):
        return "fewer than 90 days of interactions"
    for n in range(1, 13):
        begin = week - timedelta(weeks=n)
        if not any(begin <= day < begin + timedelta(days=7) for day in acts):
            return "weeks without acts"
    return None


@pytest.mark.parametrize("segment", ["everyone", "rider"])
def test_each_week_is_what_counting_people_one_by_one_gives(segment: str) -> None:
    for world in worlds():
        for week, figures in expected(world, segment).items():
            row = got()[world.platform, segment, week]
            wrong = {name: (value, row[name]) for name, value in figures.items() if row[name] != value}
            assert not wrong, f"{world.platform}, week of {week}: {wrong}\n{world}"


def test_the_worlds_hold_every_way_of_coming_going_and_not_knowing() -> None:
    """A world in which nothing happens proves nothing: each figure is above 0 somewhere, each reason is given."""
    rows = got().values()
    for name in ("arrived", "returned", "newly_listed", "departed", "unseen", "dormant", "present"):
        assert sum((row[f"{name}_people"] or 0) > 0 for row in rows) > 10, name
    assert len({row["flow_reason"] for row in rows}) == 7
    assert len({row["dormancy_reason"] for row in rows}) >= 6


def test_people_of_a_week_are_those_before_and_who_came_less_who_went() -> None:
    for (platform, segment, week), row in got().items():
        before = got().get((platform, segment, week - timedelta(days=7)))
        if (
            segment == "everyone"
            and row["arrived_people"] is not None
            and before
            and before["present_people"] is not None
        ):
            came = row["arrived_people"] + row["newly_listed_people"]
            went = row["departed_people"] + row["unseen_people"]
            assert row["present_people"] == before["present_people"] + came - went, (platform, week)


@pytest.mark.parametrize("seed", range(40))
def test_bounds_hold_the_truth_of_worlds_in_which_people_are_matched(seed: int) -> None:
    """Who is reached where, and who goes where, is drawn for people on platforms; the queries see none of it."""
    chance = random.Random(seed)
    platforms = ["x", "bluesky", "mastodon"][: chance.choice([2, 3])]
    tie = chance.random()
    everyone = []
    for _ in range(chance.randint(1, 40)):
        alike = chance.random() < 0.5
        everyone.append({one: alike if chance.random() < tie else chance.random() < 0.5 for one in platforms})
    moves = [(chance.sample(platforms, 2), chance.choice(WEEKS[1:]), chance.choice(WEEKS[1:])) for _ in everyone]
    went: dict[tuple[str, date], int] = defaultdict(int)
    came: dict[tuple[str, date], int] = defaultdict(int)
    truth: dict[tuple[str, str], int] = defaultdict(int)
    for (gone_from, come_to), went_on, came_on in moves:
        goes, comes = chance.random() < 0.6, chance.random() < 0.6
        went[gone_from, went_on] += goes
        came[come_to, came_on] += comes
        truth[gone_from, come_to] += goes and comes
    given: dict[str, list[Row]] = {
        "mart.reach_signature": [
            {"segment_id": "rider", "platform": one, "basis": "follower", "account_ids": ["a"] if is_reached else [],
             "people": sum(person[one] is is_reached for person in everyone)}
            for one in platforms for is_reached in (True, False)
        ],
        "mart.community_flow": [
            {"as_of": AS_OF, "segment_id": "rider", "platform": one, "week_on": week,
             "departed_people": went[one, week], "arrived_people": came[one, week]}
            for one in platforms for week in WEEKS[1:]
        ],
    }  # fmt: skip
    with filled_bench(given, AS_OF) as con:
        (reached,) = select(con, page_query(20).replace("motorcycle", "rider"))
        moved = select(con, page_query(21).replace("resident", "rider"))
    on_any = sum(any(person.values()) for person in everyone)
    assert reached["people_lo"] <= on_any <= reached["people_hi"]
    assert len(moved) == len(platforms) * (len(platforms) - 1)
    for row in moved:
        went_over = truth[row["from_platform"], row["to_platform"]]
        assert row["moved_people_lo"] <= went_over <= row["moved_people_hi"]
