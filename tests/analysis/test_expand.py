"""Near a segment: what is missing comes up first, with honest intervals; noise stays noise; nobody is let out."""

import json
import re
from dataclasses import asdict
from functools import cache
from math import exp, log, sqrt
from typing import NamedTuple

import duckdb
import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from pipelines.analysis import expand as module
from pipelines.analysis.expand import AUDIT, TODAY, Candidate, Estimate, Near, Options, near
from pipelines.analysis.lift import STRATA
from pipelines.common.errors import RefError, SegmentDefinitionError
from tests.bench_discover import Planted, account_id, membership, planted, show, world_of


class Case(NamedTuple):
    """A world with one segment of community 0: by "word0a", or by two of five accounts. Arrays are by member."""

    con: duckdb.DuckDBPyConnection
    world: Planted
    used: list[int]
    missing: int
    says: NDArray[np.bool_]
    n_used: NDArray[np.int64]
    members: NDArray[np.bool_]

    def near(self, **options: object) -> Near:
        used = [f"x:{account_id(n)}" for n in self.used]
        return near(self.con, "rider", Options(used, ["Wörd0a"], **options))  # type: ignore[arg-type]

    def follows(self, account: int) -> NDArray[np.bool_]:
        follows = np.zeros(len(self.says), dtype=bool)
        follows[self.world.follows[self.world.follows[:, 1] == account][:, 0]] = True
        return follows

    def word(self, word: str) -> NDArray[np.bool_]:
        folded = [re.sub(r"\W+", " ", (bio or "").replace("ö", "o").lower()).split() for bio in self.world.bios]
        return np.array([word in words for words in folded])


@cache
def made(seed: int, n_used_accounts: int = 5) -> Case:
    """The second most followed account of community 0, and "word0b", are what the rules lack."""
    world = planted(seed, 300, 5, 20_000, 8)
    con = world_of(world)
    followers = np.bincount(world.follows[:, 1], minlength=len(world.of_account))
    at_home = np.flatnonzero(world.of_account == 0)
    ranked = at_home[np.argsort(-followers[at_home], kind="stable")].tolist()
    used, missing = [ranked[0], *ranked[2 : n_used_accounts + 1]], ranked[1]
    is_used = np.isin(world.follows[:, 1], used)
    n_used = np.bincount(world.follows[is_used][:, 0], minlength=len(world.bios))
    says = np.array([bio is not None and "Wörd0a" in bio for bio in world.bios])
    members = says | (n_used >= 2)
    show(con, "core.segment_membership", membership("rider", np.flatnonzero(members)))
    return Case(con, world, used, missing, says, n_used, members)


@pytest.fixture(scope="module")
def case() -> Case:
    return made(1)


@pytest.fixture(scope="module")
def found(case: Case) -> Near:
    return case.near()


@pytest.fixture(scope="module")
def everything(case: Case) -> Near:
    return case.near(most=10_000, only_beyond_chance=False)


def one(candidates: tuple[Candidate, ...], value: str) -> Candidate:
    (candidate,) = [candidate for candidate in candidates if candidate.value == value]
    return candidate


def bounds(estimate: Estimate) -> tuple[float, float]:
    assert estimate.lo is not None and estimate.hi is not None
    return estimate.lo, estimate.hi


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_the_rules_lack_comes_up_first(seed: int) -> None:
    case = made(seed, 60)
    found = case.near()
    assert [candidate.value for candidate in found.accounts[:1]] == [f"x:{account_id(case.missing)}"]
    assert found.words[0].value == "word0b"
    assert bounds(found.accounts[0].lift)[0] > 2 and bounds(found.words[0].lift)[0] > 2
    assert [candidate.value for candidate in found.words if candidate.value.startswith("noise")] == []


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_only_the_community_s_accounts_are_suggested(seed: int) -> None:
    case = made(seed)
    found = case.near(most=100)
    assert len(found.accounts) > 20
    assert all(candidate.name.endswith(" of 0") for candidate in found.accounts)
    missing = one(found.accounts, f"x:{account_id(case.missing)}")
    assert missing.adds_people == max(candidate.adds_people or 0 for candidate in found.accounts)


def test_the_intervals_of_noise_hold_one() -> None:
    hits = []
    for seed in (1, 2, 3):
        noise = [
            candidate.lift
            for candidate in made(seed).near(most=10_000, only_beyond_chance=False).words
            if candidate.value.startswith("noise")
        ]
        hits += [bounds(lift)[0] <= 1 <= bounds(lift)[1] for lift in noise if lift.value is not None]
    assert len(hits) > 500
    assert 0.925 <= np.mean(hits) <= 0.975


def test_being_more_active_is_no_lift(everything: Near) -> None:
    general = [candidate.lift for candidate in everything.accounts if candidate.name.endswith(" of -1")]
    assert len(general) == 8
    assert sum(bounds(lift)[0] <= 1 <= bounds(lift)[1] for lift in general) >= 7


def test_the_counts_are_the_sets(case: Case, everything: Near) -> None:
    account = one(everything.accounts, f"x:{account_id(case.missing)}")
    follows, one_short = case.follows(case.missing), case.n_used == 1
    assert account.people == (follows & case.members).sum()
    assert account.adds_people == (follows & one_short & ~case.members).sum()
    missed = case.members & (case.n_used < 2)
    assert account.found.n == missed.sum()
    assert account.found.value == pytest.approx((missed & follows & one_short).sum() / missed.sum(), abs=1e-4)
    otherwise = case.says
    assert account.recall_gain.n == otherwise.sum()
    assert account.recall_gain.value == pytest.approx(
        (otherwise & follows & one_short).sum() / otherwise.sum(), abs=1e-4
    )
    new = follows & one_short
    assert account.precision.value == pytest.approx((new & case.members).sum() / new.sum(), abs=1e-4)
    assert account.precision_basis == TODAY

    word, says = one(everything.words, "word0b"), case.word("word0b")
    assert word.people == (says & case.members).sum()
    assert word.adds_people == (says & ~case.members).sum()
    missed = case.members & ~case.says
    assert word.found.n == missed.sum()
    assert word.found.value == pytest.approx((missed & says).sum() / missed.sum(), abs=1e-4)
    assert everything.people == case.members.sum()


def test_the_lift_is_mantel_and_haenszel_s(case: Case, everything: Near) -> None:
    says, bio = case.word("word0b"), np.array([bio is not None for bio in case.world.bios])
    words = [set(re.sub(r"\W+", " ", (bio or "").replace("ö", "o").lower()).split()) for bio in case.world.bios]
    n_others = np.array([len(message - {"word0a", "word0b"}) for message in words])
    stratum = np.searchsorted(STRATA, n_others, side="right")
    upper = lower = spread = 0.0
    for place in np.unique(stratum):
        here = (stratum == place) & bio
        n1, n0 = (here & case.members).sum(), (here & ~case.members).sum()
        a, b = (here & case.members & says).sum(), (here & ~case.members & says).sum()
        if n1 + n0 == 0:
            continue
        upper, lower = upper + a * n0 / (n1 + n0), lower + b * n1 / (n1 + n0)
        spread += (n1 * n0 * (a + b) - a * b * (n1 + n0)) / (n1 + n0) ** 2
    ratio, half = upper / lower, 1.959963984540054 * sqrt(spread / (upper * lower))
    lift = one(everything.words, "word0b").lift
    wanted = [ratio, exp(log(ratio) - half), exp(log(ratio) + half)]
    assert [lift.value, lift.lo, lift.hi] == pytest.approx(wanted, abs=1e-4)


def test_corrected_precision_holds_the_truth() -> None:
    inside = []
    for seed in range(1, 5):
        case = made(seed)
        word = case.near().words[0]
        new = case.word("word0b") & ~case.says
        truth = (new & (case.world.of_member == 0)).sum() / new.sum()
        assert truth == 1, "the world gives the word to nobody else"
        assert word.precision.value is None or word.precision.value < truth, "today's membership is too low"
        lo, hi = bounds(word.precision_corrected)
        inside.append(lo <= truth <= hi)
        change_lo, change_hi = bounds(word.precision_change)
        assert -1 < change_lo <= change_hi <= 0
    assert sum(inside) >= 3


def test_recall_gain_is_near_the_truth() -> None:
    gaps = []
    for seed in range(1, 4):
        case = made(seed)
        belong = case.world.of_member == 0
        truth = (belong & case.word("word0b") & ~case.says).sum() / belong.sum()
        gain = case.near().words[0].recall_gain
        assert gain.value is not None
        gaps.append(gain.value - truth)
    assert np.abs(gaps).max() < 0.05


def test_an_audit_decides_precision(case: Case) -> None:
    draw = np.random.default_rng(1)
    belong = case.world.of_member == 0
    sampled = draw.random(len(belong)) < 0.5
    audit = pl.DataFrame(
        {
            "member_key": np.flatnonzero(sampled).astype(np.uint64),
            "label": belong[sampled],
            "weight": np.full(sampled.sum(), 2.0),
        }
    )
    word = case.near(audit=audit).words[0]
    assert word.precision_basis == AUDIT
    new = case.word("word0b") & ~case.says & sampled
    assert word.precision.n == new.sum()
    assert word.precision.value == pytest.approx(belong[new].mean(), abs=1e-4)
    lo, hi = bounds(word.precision_change)
    adds = (case.word("word0b") & ~case.members).sum()
    outside, of_segment = new & ~case.members, sampled & case.members
    change = (belong[outside].mean() - belong[of_segment].mean()) * adds / (case.members.sum() + adds)
    assert word.precision_change.value == pytest.approx(change, abs=1e-4)
    assert lo <= change <= hi
    few = case.near(audit=audit.head(9)).words[0]
    assert few.precision_basis == TODAY


def test_weights_of_an_audit_count(case: Case) -> None:
    new = np.flatnonzero(case.word("word0b") & ~case.says)[:40]
    labels = np.arange(40) % 2 == 0
    audit = pl.DataFrame({"member_key": new.astype(np.uint64), "label": labels, "weight": np.where(labels, 3.0, 1.0)})
    precision = case.near(audit=audit).words[0].precision
    assert (precision.value, precision.n) == (0.75, 40)
    lo, hi = bounds(precision)
    equal = module.wilson(0.75, 40, 40)
    assert lo < (equal.lo or 0) and (equal.hi or 1) < hi, "unequal weights know less"


def test_no_number_stands_on_fewer_than_ten_people(case: Case, everything: Near) -> None:
    for candidate in everything.accounts + everything.words:
        assert candidate.people >= 10
        assert candidate.adds_people is None or candidate.adds_people >= 10
        for estimate in (candidate.found, candidate.recall_gain):
            if estimate.value is not None and estimate.n is not None:
                assert round(estimate.value * estimate.n) >= 10
    thin = next(c for c in everything.words if c.precision.value is None and c.adds_people)
    inside = case.word(thin.value) & ~case.says & case.members
    if inside.sum() < 10:
        assert thin.precision.n == (thin.adds_people or 0) + 9, "what is told does not give the rest away"


def test_shares_of_few_are_bounds() -> None:
    assert module.share(5, 9, 10) == Estimate()
    few = module.share(3, 100, 10)
    assert few.value is None and few == module.share(8, 100, 10), "three and eight look the same"
    most = module.share(97, 100, 10)
    assert most.value is None and most == module.share(92, 100, 10)
    assert module.share(40, 100, 10).value == 0.4


def test_a_word_that_nearly_only_the_segment_says_has_a_lower_bound_only(case: Case) -> None:
    bios = list(case.world.bios)
    for n, member in enumerate(np.flatnonzero(case.members)[:200]):
        bios[member] = "word0a pillion" if n % 2 else "pillion"
    for member in np.flatnonzero(~case.members)[:3]:
        bios[member] = "pillion"
    con = world_of(Planted(case.world.follows, case.world.of_account, case.world.of_member, bios))
    show(con, "core.segment_membership", membership("rider", np.flatnonzero(case.members)))
    word = near(con, "rider", Options([], ["word0a"])).words[0]
    assert word.value == "pillion" and word.people == 200
    assert word.lift.value is None and word.lift.hi is None and word.lift.n is None and (word.lift.lo or 0) > 10
    assert word.adds_people is None


def test_refused_used_and_stop_words_are_not_suggested(case: Case) -> None:
    tested = case.near(most=10_000, only_beyond_chance=False, is_refused=lambda word: word == "word0b")
    words = {candidate.value for candidate in tested.words}
    assert not words & {"word0b", "word0a", "the", "and"} and len(words) > 100
    used = {f"x:{account_id(n)}" for n in case.used}
    assert not used & {candidate.value for candidate in tested.accounts}
    assert "x:own" not in {candidate.value for candidate in tested.accounts}


def test_the_same_rows_give_the_same_result_in_any_order(case: Case, found: Near) -> None:
    for table in ("core.follow", "stg.member", "core.segment_membership"):
        case.con.execute(f"CREATE OR REPLACE TABLE {table} AS SELECT * FROM {table} ORDER BY hash(rowid + 3)")
    again = case.near()
    assert json.dumps(asdict(again)) == json.dumps(asdict(found))
    assert case.con.sql("SELECT count(*) FROM duckdb_tables() WHERE temporary").fetchall() == [(0,)]
    assert not re.search("Jane|Secret", json.dumps(asdict(again)))


def test_a_used_word_may_stand_in_the_name(case: Case) -> None:
    used = [f"x:{account_id(n)}" for n in case.used]
    everybody = near(case.con, "rider", Options(used, ["jane secret"])).words[0]
    assert everybody.adds_people is None and everybody.found == Estimate(), "all are called so: no word adds anybody"


def test_errors_say_what_is_known(case: Case) -> None:
    with pytest.raises(SegmentDefinitionError, match=r"segment 'nobody': has no members today\. Known: rider"):
        near(case.con, "nobody", Options([], []))
    with pytest.raises(RefError, match="platform:account_id"):
        near(case.con, "rider", Options(["91"], []))
    with pytest.raises(RefError, match="audit: lacks weight"):
        case.near(audit=pl.DataFrame({"member_key": [1], "label": [1]}))


def test_a_segment_of_few_people_is_not_looked_at(case: Case) -> None:
    con = world_of(case.world)
    show(con, "core.segment_membership", membership("rider", np.arange(9)))
    assert near(con, "rider", Options([], [])) == Near("rider", None)
