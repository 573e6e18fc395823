"""What is shown, cell by cell and night by night."""

from itertools import product

import numpy as np
import pytest
from scipy import sparse

from pipelines.common.errors import RefError
from pipelines.release import relations
from pipelines.release.bounds import Knowledge, ranges
from pipelines.release.cells import FEW, NOT_SHOWN, SHOWN, Cell, Released
from pipelines.release.disclosure import Limits
from pipelines.release.protect import NOBODY, Rule, first_look, knowledge, protect, rule
from pipelines.release.relations import Rows
from tests.release.planted_release import BANDS
from tests.release.worlds import KINDS, counted, people

HOW = Rule(Limits(10, 5), until=13, values=5, key=bytes(range(32)))
REACH = Cell("reach", "everyone", "x", "1", "follower")


@pytest.mark.parametrize(
    ("count", "number"), [(0, None), (9, None), (10, 10), (12, 10), (13, 15), (17, 15), (18, 20), (1238, 1240)]
)
def test_a_first_release_goes_by_the_ten_five_rule(count: int, number: int | None) -> None:
    reported = first_look(REACH, count, NOBODY, HOW)
    assert reported == Released(number, FEW if number is None else SHOWN)


def test_a_number_stays_until_its_count_has_moved_away() -> None:
    thresholds = set()
    for account in range(200):
        one = REACH.of(account_id=str(account))
        kept = [count for count in range(20, 80) if first_look(one, count, Released(50, SHOWN), HOW).is_kept]
        assert kept == list(range(kept[0], kept[-1] + 1)), "one stretch around the number"
        assert 50 - kept[0] == kept[-1] - 50 < HOW.away
        assert kept[-1] - 50 >= HOW.limit.step // 2 + 1, "what was rounded only just so does not move by one person"
        thresholds.add(kept[-1])
    assert len(thresholds) == 2 * HOW.varies + 1, "which count moves a number is not known without the key"


def test_a_few_stays_few_until_it_has_clearly_risen_and_a_number_goes_before_it_is_few() -> None:
    rises, falls = set(), set()
    for account in range(200):
        one = REACH.of(account_id=str(account))
        rises.add(next(n for n in range(30) if first_look(one, n, Released(None, FEW), HOW).state == SHOWN))
        falls.add(next(n for n in range(30, -1, -1) if first_look(one, n, Released(10, SHOWN), HOW).state == FEW))
    assert rises == {13, 14, 15}
    assert falls == {9, 10, 11}, "who sees it go cannot tell that it was nine"


def test_another_key_draws_other_thresholds() -> None:
    other = Rule(HOW.limit, HOW.until, HOW.values, key=b"another")
    names = [REACH.of(account_id=str(n)) for n in range(50)]
    assert [HOW.draw("few", *one) for one in names] != [other.draw("few", *one) for one in names]
    assert "key" not in repr(HOW)


@pytest.mark.parametrize("seed", range(14))
def test_what_is_known_holds_the_truth_through_six_nights(seed: int) -> None:
    draw = np.random.default_rng(seed)
    kind = KINDS[seed % len(KINDS)]
    of_types = people(kind, draw)
    last: dict[Cell, Released] = {}
    for _ in range(6):
        counts = counted(kind, of_types)
        released = protect(counts, last, HOW)
        for one, (lo, hi) in knowledge(released, last, HOW).items():
            assert lo <= counts[one] <= hi, (one.measure, released[one].state)
            reported = released[one]
            assert reported.number is None or one.measure == "kept" or abs(reported.number - counts[one]) < HOW.away
            assert counts[one] >= 10 or reported.state != SHOWN
        last = released
        of_types = of_types + draw.poisson(of_types * 0.1 + 0.05) - draw.binomial(of_types.astype(int), 0.1)


def test_every_law_holds_of_people() -> None:
    for seed in range(35):
        kind = KINDS[seed % len(KINDS)]
        counts = counted(kind, people(kind, np.random.default_rng(seed)))
        for law in relations.laws(counts):
            if all(one in counts for _, one in law.parts):
                total = sum(weight * counts[one] for weight, one in law.parts)
                assert total == 0 if law.is_equal else total >= 0, law


def test_a_band_of_homes_is_withheld_with_the_few_that_it_would_tell() -> None:
    counts = {REACH: 47, Cell("segment", "everyone", "x"): 500}
    homes = [REACH.of(measure="home", home_band=band) for band in "abc"]
    counts |= dict(zip(homes, (1, 24, 22), strict=True))  # 45 - 25 - 20 leaves 0, give or take
    released = protect(counts, {}, HOW)
    assert released[homes[0]].state == FEW
    apart = {**counts, REACH: 48, homes[1]: 23, homes[2]: 17, homes[0]: 8}  # 50 - 25 - 15 leaves 10, give or take
    shown = protect(apart, {}, HOW)
    assert shown[homes[0]].state == FEW
    single = {REACH: 48, homes[0]: 8, homes[1]: 40, Cell("segment", "everyone", "x"): 500}
    gone = protect(single, {}, HOW)  # 50 - 40 = 10 would leave 6 to 9
    assert gone[homes[0]].state == FEW
    assert {gone[homes[1]].state, gone[REACH].state} == {SHOWN, NOT_SHOWN}


def test_what_was_withheld_for_a_few_stays_withheld_beside_it() -> None:
    homes = [REACH.of(measure="home", home_band=band) for band in "ab"]
    first = {REACH: 48, homes[0]: 8, homes[1]: 40, Cell("segment", "everyone", "x"): 500}
    last = protect(first, {}, HOW)
    gone = next(one for one, reported in last.items() if reported.state == NOT_SHOWN)
    again = protect({**first, REACH: 45, homes[0]: 5}, last, HOW)
    assert again[gone].state == NOT_SHOWN, "by itself it could be shown again, and would tell what it hid"
    risen = protect({**first, REACH: 80, homes[0]: 40}, last, HOW)
    assert risen[gone].state == SHOWN


def test_ranges_are_those_of_all_worlds_tried_one_by_one() -> None:
    draw = np.random.default_rng(3)
    for _ in range(40):
        lo = draw.integers(0, 4, 4).astype(float)
        hi = lo + draw.integers(0, 5, 4)
        total = sparse.csr_array([[1.0, -1.0, -1.0, 0.0], [0.0, 0.0, 1.0, -1.0]])
        sides = np.array([0.0, -np.inf]), np.array([0.0, 0.0])
        every = [
            one
            for one in product(*(range(int(a), int(b) + 1) for a, b in zip(lo, hi, strict=True)))
            if one[0] == one[1] + one[2] and one[2] <= one[3]
        ]
        if not every:
            continue
        found = ranges(Knowledge(lo, hi, Rows(total, *sides)), np.arange(4), 99, np.array(every[0], dtype=float))
        assert found.lo == pytest.approx(np.min(every, axis=0))
        assert found.hi == pytest.approx(np.max(every, axis=0))


def test_parts_tell_the_same_of_what_is_open() -> None:
    kind = KINDS[0]
    counts = {one.of(platform="x"): n for one, n in counted(kind, people(kind, np.random.default_rng(5))).items()}
    whole = protect(counts, {}, HOW)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipelines.release.protect.BY_ACCOUNT_FROM", 0)
        assert protect(counts, {}, HOW) == whole


@pytest.mark.parametrize(
    ("band", "value"),
    [
        ("withheld_until_people", 9.0),
        ("withheld_until_people", 12.5),
        ("withheld_values_at_least", 1.0),
        ("withheld_values_at_least", 11.0),
    ],
)
def test_bands_that_protect_nothing_are_refused(band: str, value: float) -> None:
    with pytest.raises(RefError, match=band):
        rule(BANDS | {band: value}, b"key")
