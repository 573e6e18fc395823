"""Compare reach, its bounds and overlaps with a plain count of people, on 300 generated segments at once."""

import math
from dataclasses import dataclass
from datetime import date
from functools import cache
from itertools import permutations
from typing import Any

import numpy as np
import pytest

from tests.sql.case_runner import Row, build, filled_bench, same, select

AS_OF = date(2026, 9, 30)
ACCOUNTS = ("a", "b", "c", "d")
N_WORLDS = 300
APART = 0.07
Z = 1.959963984540054
# What lists lack: nothing; followers whom the platform counts; and such whom nobody counts.
PARTIAL: dict[str, dict[str, int | None]] = {"x": {}, "mastodon": {"b": 3, "c": 0}, "bluesky": {"d": None}}
PLATFORMS = tuple(PARTIAL)
MODELS = (
    "core.home_signature", "mart.reach_signature", "core.reach_interval",
    "mart.segment_reach", "mart.segment_size", "mart.account_overlap",
)  # fmt: skip


@dataclass(frozen=True)
class Person:
    """One person of a segment: who reaches them, how likely they belong; a label, the model's word, its weight."""

    key: int
    reached_by: frozenset[str]
    probability: float
    label: bool | None = None
    model: float = 0.0
    stands_for: float = 0.0

    @property
    def open(self) -> float:
        """p x (1 - p), to the millionth part of a person."""
        return round(self.probability * (1 - self.probability), 6)

    @property
    def is_found(self) -> bool:
        return self.label is not False


@dataclass(frozen=True)
class World:
    """One segment on one platform; audited or not, and how wrong the audit may be of everybody found."""

    name: str
    platform: str
    is_audited: bool
    relative_error: float
    people: tuple[Person, ...]

    @property
    def found(self) -> list[Person]:
        return [one for one in self.people if one.is_found]


@cache
def worlds() -> tuple[World, ...]:
    """Generate segments of 0 to 14 people."""
    rng = np.random.default_rng(20261123)
    made = []
    for n in range(N_WORLDS):
        is_audited = bool(rng.random() < 0.6)
        people = []
        for key in range(1000 * n, 1000 * n + int(rng.integers(0, 15))):
            sets = frozenset(account for account in ACCOUNTS if rng.random() < rng.choice([0.2, 0.6]))
            likely = float(rng.choice([1.0, 0.9, 0.35, 0.5, 0.123457])) if is_audited else 1.0
            if is_audited and rng.random() < 0.3:
                label = bool(rng.random() < likely)
                people.append(Person(key, sets, 1.0, label, likely, float(rng.choice([1.0, 2.5, 30.0]))))
            else:
                people.append(Person(key, sets, likely))
        error = float(rng.choice([0.0, 0.05, 0.2]))
        made.append(World(f"s{n}", PLATFORMS[n % len(PLATFORMS)], is_audited, error, tuple(people)))
    return tuple(made)


def rows_of(declared: tuple[World, ...]) -> dict[str, list[Row]]:
    """Write all worlds as the tables that the models read."""
    accounts = [(platform, account) for platform in PLATFORMS for account in ACCOUNTS]
    audited = [one for one in declared if one.is_audited]
    people = [(world, one) for world in declared for one in world.people]
    return {
        "ref.band": [{"band": "account_share_apart", "value": APART}, {"band": "another", "value": 0.5}],
        "ref.segment": [{"segment_id": one.name} for one in declared],
        "ref.segment_audit": [
            {
                "segment_id": one.name, "platform": one.platform, "audit_id": f"{one.name}/1",
                "in_force_from": date(2026, 9, 1), "in_force_to": date(9000, 1, 1),
            }
            for one in audited
        ],
        "ref.audit_measure": [
            {
                "segment_id": one.name, "platform": one.platform, "audit_id": f"{one.name}/1", "measure": measure,
                "estimate": 0.8, "estimate_lo": 0.8 - wide, "estimate_hi": 0.8 + wide,
            }
            for one in audited
            for measure, wide in (("expansion_precision", 0.8 * one.relative_error * 2.5758), ("size_people", 0.7))
        ],
        "ref.audit_judgement": [
            {
                "segment_id": world.name, "platform": world.platform, "audit_id": f"{world.name}/1",
                "member_key": one.key, "is_member": one.label, "model_probability": one.model,
                "label_people": one.stands_for,
            }
            for world, one in people
            if one.label is not None
        ],
        "core.account": [
            {"platform": platform, "account_id": account, "role": "own", "is_open": True}
            for platform, account in accounts
        ],
        "core.follower_list": [
            {
                "platform": platform, "account_id": account, "observed_on": AS_OF,
                "is_complete": account not in PARTIAL[platform],
            }
            for platform, account in accounts
        ],
        "core.account_day": [
            {
                "platform": platform, "account_id": account, "day": AS_OF, "metric": "followers",
                "value": listed(platform, account) + (PARTIAL[platform].get(account) or 0),
            }
            for platform, account in accounts
            if PARTIAL[platform].get(account, 0) is not None
        ],
        "core.member": [
            {"platform": world.platform, "member_key": one.key, "is_present": True} for world, one in people
        ],
        "core.reach_set": [
            {
                "basis": "follower", "platform": world.platform, "member_key": one.key,
                "account_ids": sorted(one.reached_by),
            }
            for world, one in people
            if one.reached_by
        ],
        "core.segment_membership": [
            {
                "segment_id": world.name, "platform": world.platform, "member_key": one.key,
                "entered_on": date(2026, 1, 1), "membership_probability": one.probability,
            }
            for world, one in people
            if one.is_found
        ],
    }  # fmt: skip


def listed(platform: str, account: str) -> int:
    """How many people of any segment an account's list holds."""
    return sum(account in one.reached_by for world in worlds() if world.platform == platform for one in world.people)


def present(platform: str) -> int:
    return sum(len(world.people) for world in worlds() if world.platform == platform)


@pytest.fixture(scope="module")
def built() -> dict[str, dict[tuple[Any, ...], Row]]:
    """Build the marts once, rows by their key."""
    with filled_bench(rows_of(worlds()), AS_OF) as con:
        build(con, *MODELS)
        reach = select(con, "SELECT * FROM mart.segment_reach WHERE basis = 'follower'")
        size = select(con, "SELECT * FROM mart.segment_size")
        overlap = select(con, "SELECT * FROM mart.account_overlap WHERE basis = 'follower'")
    return {
        "reach": {(row["segment_id"], row["platform"], row["account_id"]): row for row in reach},
        "size": {(row["segment_id"], row["platform"]): row for row in size},
        "overlap": {
            (row["segment_id"], row["platform"], row["account_id"], row["other_account_id"]): row for row in overlap
        },
    }


def shapley(people: list[Person]) -> dict[str, float]:
    """Average over all orders of opening the accounts what each adds to net reach (Shapley 1953)."""
    added = dict.fromkeys(ACCOUNTS, 0.0)
    orders = list(permutations(ACCOUNTS))
    for order in orders:
        for one in people:
            first = next((account for account in order if account in one.reached_by), None)
            if first:
                added[first] += one.probability / len(orders)
    return added


def likelier(world: World, parts: dict[int, float], apart: float = APART) -> tuple[float, float, float, float]:
    """How much likelier people counted in parts belong: mean, variance of their own, of the audit; certain people."""
    found = [one for one in world.found if parts.get(one.key)]
    people, heads = (sum(parts[one.key] * by for one, by in ((p, w(p)) for p in found)) for w in (_likely, _one))
    if not world.is_audited:
        return 0.0, 0.0, 0.0, 0.0
    own, shared = apart**2, (world.relative_error * people / heads) ** 2 if heads else 0.0
    # Of everybody together labels say what the audit said already.
    result = [one for one in world.people if one.label is not None and parts.get(one.key) and apart]
    certain = sum(parts[one.key] for one in result if one.label)
    if not result:
        return 0.0, own, shared, certain
    weights = [parts[one.key] * one.stands_for for one in result]
    residuals = [float(bool(one.label)) - one.model for one in result]
    mean = sum(w * r for w, r in zip(weights, residuals, strict=True)) / sum(weights)
    spread = sum(w * (r - mean) ** 2 for w, r in zip(weights, residuals, strict=True)) / sum(weights)
    n = sum(weights) ** 2 / sum(w * w for w in weights)
    error = (n * spread + 0.25) / (n * (n + 1))
    left = error / (error + own + shared)
    return mean * (1 - left), left * own, left * shared, certain


def _likely(one: Person) -> float:
    return one.probability


def _one(one: Person) -> float:
    return 1.0


def between(world: World, parts: dict[int, float], apart: float = APART) -> tuple[float, float, float, float, float]:
    """A count of people in parts: estimate, bounds, and how many it moves by labels, and their number unsure."""
    found = [one for one in world.found if parts.get(one.key)]
    people = sum(parts[one.key] * one.probability for one in found)
    open_ = sum(parts[one.key] ** 2 * one.open for one in found)
    moved, own, shared, certain = likelier(world, parts, apart)
    unsure = max(sum(parts[one.key] for one in found) - certain, 0)
    if unsure < 1e-9 or open_ + own + shared == 0:
        return people, people, people, 0.0, unsure
    least = 0.5 / (unsure + 1)
    share = min(max((people - certain) / unsure + moved, least), 1 - least)
    error = math.sqrt(open_ / unsure**2 + own + shared) / (share * (1 - share))
    lo, hi = (certain + unsure * expit(logit(share) + z * error) for z in (-Z, Z))
    return people, min(people, lo), max(people, hi), unsure * (share - (people - certain) / unsure), unsure


def logit(share: float) -> float:
    return math.log(share / (1 - share))


def expit(odds: float) -> float:
    return 1 / (1 + math.exp(-odds))


def expected(world: World, account: str) -> dict[str, float | None]:
    """What mart.segment_reach must say of one account and segment."""
    hidden = PARTIAL[world.platform].get(account, 0)
    others = [PARTIAL[world.platform].get(other, 0) for other in ACCOUNTS if other != account]
    others_hidden = math.inf if None in others else float(sum(one or 0 for one in others))
    parts: dict[str, dict[int, float]] = {
        "reach_people": {one.key: 1.0 for one in world.people if account in one.reached_by},
        "exclusive_people": {one.key: 1.0 for one in world.people if one.reached_by == {account}},
        "fair_share_people": {one.key: 1 / len(one.reached_by) for one in world.people if account in one.reached_by},
    }
    everybody = {one.key: 1.0 for one in world.people}
    size, size_lo, size_hi, _, _ = between(world, everybody, apart=0)
    result = [one for one in world.people if one.label is not None and account in one.reached_by]
    is_reached = any(account in one.reached_by for one in world.found)
    wanted: dict[str, float | None] = {"n_audited": len(result) if is_reached else 0}
    for name, of in parts.items():
        people, lo, hi, _, _ = between(world, of)
        if name != "reach_people":
            lo = max(lo - others_hidden * (1 if name == "exclusive_people" else 0.5), 0)
        most = None if hidden is None else min(hi + hidden, max(size_hi, hi))
        whole = name != "fair_share_people"
        wanted[name] = math.floor(people + 0.5) if whole else shapley(world.found)[account]
        wanted[f"{name}_lo"] = math.floor(round(lo, 6)) if whole else lo
        wanted[f"{name}_hi"] = most if most is None or not whole else math.ceil(round(most, 6))
    wanted |= {"segment_people_lo": math.floor(round(size_lo, 6)), "segment_people_hi": math.ceil(round(size_hi, 6))}
    return wanted | _shares(world, account, hidden, size, size_hi) | _frequency(world, account, hidden, others_hidden)


def _shares(world: World, account: str, hidden: int | None, size: float, size_hi: float) -> dict[str, float | None]:
    of = {one.key: 1.0 for one in world.people if account in one.reached_by}
    people, people_lo, people_hi, moved, unsure = between(world, of)
    _, own, shared, _ = likelier(world, of)
    heads = sum(1 for one in world.found if one.key in of)
    open_ = sum(one.open for one in world.found if one.key in of)
    others_open = sum(one.open for one in world.found if one.key not in of)
    coverage = people / size if size else None
    lo = hi = coverage
    if size and 0 < (share := (people + moved) / (size + moved)) < 1:
        _, _, audit, _ = likelier(world, {one.key: 1.0 for one in world.people}, apart=0)
        error2 = audit * (len(world.found) / size) ** 2
        result = max(error2 - (shared * (heads / people) ** 2 if people else error2), 0)
        variance = (1 - share) ** 2 * (open_ + unsure**2 * own) + share**2 * others_open
        variance += share**2 * (size - people) ** 2 * result
        error = math.sqrt(variance) / (size + moved) / (share * (1 - share))
        if error:
            lo, hi = (expit(logit(share) + z * error) for z in (-Z, Z))
            lo, hi = min(lo, people / size), max(hi, people / size)
    account_people, everyone = listed(world.platform, account), present(world.platform)
    composition = people / account_people
    rarity = everyone / size if size else None
    most = None if hidden is None else min(people_hi + hidden, max(size_hi, people_hi))
    wanted: dict[str, float | None] = {
        "coverage_share": coverage,
        "coverage_share_lo": lo,
        "coverage_share_hi": None if hi is None or hidden is None else min(hi + hidden / size, 1),
        "composition_share": composition,
        "composition_share_lo": None if hidden is None else people_lo / (account_people + hidden),
        "composition_share_hi": None if most is None else min(most / (account_people + most - people_hi), 1),
        "affinity_index": None if rarity is None else 100 * composition * rarity,
    }
    if hidden == 0:
        bounds = [None if one is None else 100 * one * everyone / account_people for one in (lo, hi)]
    else:
        ends = (wanted["composition_share_lo"], wanted["composition_share_hi"])
        bounds = [None if end is None or rarity is None else 100 * end * rarity for end in ends]
    return wanted | {"affinity_index_lo": bounds[0], "affinity_index_hi": bounds[1]}


def _frequency(world: World, account: str, hidden: int | None, others_hidden: float) -> dict[str, float | None]:
    own = [one for one in world.found if account in one.reached_by]
    people = sum(one.probability for one in own)
    if not people:
        return {"frequency": None, "frequency_hi": None}
    mean = sum(len(one.reached_by) * one.probability for one in own) / people
    variance = sum((len(one.reached_by) - mean) ** 2 * one.open for one in own)
    _, apart, _, _ = likelier(world, {one.key: 1.0 for one in world.people if one.reached_by == {account}})
    for n in range(1, len(ACCOUNTS) + 1):
        variance += (n - mean) ** 2 * sum(len(one.reached_by) == n for one in own) ** 2 * apart
    lo = hi = mean
    if mean > 1:
        factor = math.exp(min(Z * math.sqrt(variance) / people / (mean - 1), 500))
        most = max(len(one.reached_by) for one in own)
        lo, hi = 1 + (mean - 1) / factor, min(1 + (mean - 1) * factor, most)
    if hidden is None:
        return {"frequency": mean, "frequency_lo": None, "frequency_hi": None}
    n_accounts = len(ACCOUNTS)
    return {
        "frequency": mean,
        "frequency_lo": (lo * people + hidden) / (people + hidden),
        "frequency_hi": min((hi * people + hidden * n_accounts + others_hidden) / (people + hidden), n_accounts),
    }


def wrong(wanted: dict[str, float | None], row: Row) -> dict[str, Any]:
    return {name: (value, row[name]) for name, value in wanted.items() if not same(value, row[name])}


def test_every_figure_and_bound_of_reach_is_as_counted_person_by_person(built: dict[str, Any]) -> None:
    n_bounds = 0
    for world in worlds():
        for account in ACCOUNTS:
            row = built["reach"][world.name, world.platform, account]
            found = wrong(expected(world, account), row)
            assert not found, f"{world.name} {account}: {found}"
            n_bounds += row["reach_people_lo"] < (row["reach_people_hi"] or 0)
    assert n_bounds > N_WORLDS, "the worlds leave something open"


def test_parts_lie_in_their_order_and_fair_shares_sum_to_net_reach(built: dict[str, Any]) -> None:
    for world in worlds():
        rows = [built["reach"][world.name, world.platform, account] for account in ACCOUNTS]
        for row in rows:
            assert row["exclusive_people"] - 0.5 <= row["fair_share_people"] + 1e-9 <= row["reach_people"] + 0.5
            for name in ("reach_people", "exclusive_people", "fair_share_people", "coverage_share", "frequency"):
                lo, at, hi = (row[f"{name}{end}"] for end in ("_lo", "", "_hi"))
                assert lo is None or lo <= at + 1e-9
                assert hi is None or hi >= at - 1e-9
        net = sum(one.probability for one in world.found if one.reached_by)
        assert same(sum(row["fair_share_people"] for row in rows), net)


def test_sizes_have_the_bounds_of_everybody_reached(built: dict[str, Any]) -> None:
    for world in worlds():
        row = built["size"][world.name, world.platform]
        parts = {one.key: 1.0 for one in world.people if one.reached_by}
        people, lo, hi, _, _ = between(world, parts)
        gross = sum(len(one.reached_by) * one.probability for one in world.found)
        wanted = {
            "reached_people": math.floor(people + 0.5),
            "reached_people_lo": math.floor(round(lo, 6)),
            "reached_people_hi": math.ceil(round(hi, 6)),
            "frequency": gross / people if people else None,
        }
        assert not wrong(wanted, row), world.name


def test_overlaps_are_shares_of_three_different_things(built: dict[str, Any]) -> None:
    for world in worlds():
        of = {account: [one for one in world.found if account in one.reached_by] for account in ACCOUNTS}
        people = {account: sum(map(_likely, of[account])) for account in ACCOUNTS}
        for base in ACCOUNTS:
            for other in ACCOUNTS:
                if base == other:
                    continue
                row = built["overlap"][world.name, world.platform, base, other]
                both = sum(one.probability for one in of[base] if other in one.reached_by)
                wholes = {
                    "overlap_jaccard": people[base] + people[other] - both,
                    "overlap_of_base": people[base],
                    "overlap_of_smaller": min(people[base], people[other]),
                }
                wanted: dict[str, float | None] = {name: both / of if of else None for name, of in wholes.items()}
                assert not wrong(wanted | {"overlap_people": math.floor(both + 0.5)}, row), (world.name, base, other)
                opposite = built["overlap"][world.name, world.platform, other, base]
                for name, value in wanted.items():
                    if value is None:
                        assert row["overlap_reason"]
                        continue
                    assert row[f"{name}_lo"] <= value + 1e-9
                    assert row[f"{name}_hi"] >= value - 1e-9
                    if name != "overlap_of_base":
                        assert same(row[f"{name}_lo"], opposite[f"{name}_lo"])
                        assert same(row[f"{name}_hi"], opposite[f"{name}_hi"])
