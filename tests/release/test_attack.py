"""The release stands up to an attacker with linear programmes. 1,000 nights and pairs: tests/bench_release.py."""

from collections import Counter
from dataclasses import replace

import pytest

from pipelines.release.cells import SHOWN
from pipelines.release.disclosure import Limits
from pipelines.release.protect import NOBODY, Rule, first_look
from tests.release.report_world import figures_of
from tests.release.worlds import Kind, Night, attack, attack_pair, attack_with, first_nights, pairs

HOW = Rule(Limits(10, 5), until=13, values=5, key=bytes(range(32)))
# Below this many values a count is as good as known. The release promises `values` by the laws that it names; the
# attacker here has every law there is.
TOLD = 3
N_NIGHTS, N_PAIRS = 60, 30


@pytest.fixture(scope="module")
def nights() -> list[Night]:
    """First releases of many worlds."""
    return first_nights(range(N_NIGHTS), HOW)


def test_no_withheld_count_is_told_by_all_tables_of_a_night(nights: list[Night]) -> None:
    left: Counter[int] = Counter()
    for start in range(0, N_NIGHTS, 10):
        for found in attack(nights[start : start + 10], HOW, HOW.values):
            left.update(found.values())
    assert sum(left.values()) > 10 * N_NIGHTS, "there was something to attack"
    assert min(left) >= TOLD
    assert sum(n for values, n in left.items() if values < HOW.values) <= 0.005 * sum(left.values())


def test_the_report_narrows_no_withheld_count_of_the_release(nights: list[Night]) -> None:
    """With sets of accounts and fair shares, the attacker is left with as many values as without them."""
    many = first_nights(range(10), HOW, (Kind(7, 1, 1, ("follower",)), Kind(6, 1, 2, ("follower",))))
    n_figures = n_cells = 0
    for some in (many, *(nights[start : start + 10] for start in range(0, N_NIGHTS, 10))):
        printed = [figures_of(night, HOW) for night in some]
        n_figures += sum(map(len, printed))
        for alone, both in zip(attack(some, HOW, HOW.values), attack_with(some, HOW, HOW.values, printed), strict=True):
            n_cells += len(alone)
            narrowed = {one for one, left in both.items() if left < min(HOW.values, alone[one])}
            assert narrowed == set()
    assert n_figures > 3 * N_NIGHTS
    assert n_cells > 10 * N_NIGHTS


def test_sets_as_they_are_would_narrow_some(nights: list[Night], monkeypatch: pytest.MonkeyPatch) -> None:
    """The attack can succeed: were every set of ten and more printed, it would tell withheld counts."""
    monkeypatch.setattr("pipelines.report.as_released.signatures", lambda frame, *_: frame)
    found = attack_with(nights[:20], HOW, HOW.values, [figures_of(night, HOW) for night in nights[:20]])
    assert sum(left < HOW.values for cells in found for left in cells.values()) > 3


def test_small_counts_alone_withheld_are_told(nights: list[Night]) -> None:
    """Without withholding more than the small counts, the same attacker does tell some: the attack can succeed."""
    bare = [
        replace(night, released={one: first_look(one, count, NOBODY, HOW) for one, count in night.exact().items()})
        for night in nights
    ]
    left: Counter[int] = Counter()
    for start in range(0, N_NIGHTS, 10):
        for found in attack(bare[start : start + 10], HOW, HOW.values):
            left.update(found.values())
    assert left[1] > 0, "a count told exactly"
    assert sum(n for values, n in left.items() if values < HOW.values) > 20


def test_no_withheld_count_is_told_by_two_nights_between_which_one_person_moved() -> None:
    left: Counter[int] = Counter()
    n_changed = n_cells = 0
    for start in range(0, N_PAIRS, 10):
        for first, second, change in pairs(range(start, start + 10), HOW):
            left.update(attack_pair(first, second, HOW, HOW.values, change).values())
            n_changed += sum(one.number != second.released[cell].number for cell, one in first.released.items())
            n_cells += len(first.released)
    assert sum(left.values()) > 10 * N_PAIRS
    assert left[1] == 0
    assert n_changed < 0.02 * n_cells, "one person hardly ever moves a number"


def test_little_is_withheld_for_other_counts_sake(nights: list[Night]) -> None:
    states = Counter(one.state for night in nights for one in night.released.values())
    assert states["not shown"] < 0.1 * states[SHOWN]
