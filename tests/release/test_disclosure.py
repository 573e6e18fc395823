"""How counts of people are shown outside."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.common.errors import RefError
from pipelines.release import disclosure
from pipelines.release.disclosure import Limits

TEN_FIVE = Limits(10, 5)
counts = st.integers(min_value=0, max_value=10_000_000)
any_limits = st.builds(Limits, st.integers(1, 500), st.integers(1, 500))


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "under 10"),
        (9, "under 10"),
        (9.99, "under 10"),
        (10, "10"),
        (12, "10"),
        (12.5, "15"),
        (1238, "1,240"),
    ],
)
def test_counts_by_the_ten_five_rule(count: float, text: str) -> None:
    assert disclosure.people(count, TEN_FIVE).text == text


@given(st.integers(0, 9), st.integers(0, 9))
def test_no_two_small_counts_can_be_told_apart(one: int, other: int) -> None:
    assert disclosure.people(one, TEN_FIVE) == disclosure.people(other, TEN_FIVE)
    assert disclosure.change(one, TEN_FIVE) == disclosure.change(-other, TEN_FIVE)
    assert disclosure.share(one, 500, TEN_FIVE) == disclosure.share(other, 500, TEN_FIVE)


@given(counts, any_limits)
def test_a_shown_count_is_a_multiple_of_the_step_within_half_of_it_and_never_zero(count: int, limit: Limits) -> None:
    shown = disclosure.people(count, limit)
    if shown.number is None:
        assert shown.is_suppressed
        assert count < limit.suppressed_below
    else:
        assert shown.number % limit.step == 0
        assert shown.number > 0
        assert count >= limit.least
        assert abs(shown.number - count) <= limit.step / 2


@given(counts, counts)
def test_more_people_are_never_shown_as_fewer(one: int, other: int) -> None:
    low, high = sorted((one, other))
    shown = disclosure.people(low, TEN_FIVE).number or 0, disclosure.people(high, TEN_FIVE).number or 0
    assert shown[0] <= shown[1]


@given(counts, counts)
def test_a_share_is_of_the_rounded_counts_at_most_one_and_withheld_with_either(one: int, other: int) -> None:
    part, whole = sorted((one, other))
    shown = disclosure.share(part, whole, TEN_FIVE)
    if part < 10:
        assert shown.number is None
        assert shown.is_suppressed
        assert "%" not in shown.text
    else:
        rounded = disclosure.people(part, TEN_FIVE).number, disclosure.people(whole, TEN_FIVE).number
        assert rounded[0] is not None
        assert rounded[1]
        assert shown.number == rounded[0] / rounded[1]
        assert shown.number <= 1


def test_missing_stays_missing_and_is_neither_zero_nor_suppressed() -> None:
    for shown in (
        disclosure.people(None, TEN_FIVE),
        disclosure.change(None, TEN_FIVE),
        disclosure.share(None, 500, TEN_FIVE),
        disclosure.share(500, None, TEN_FIVE),
        disclosure.affinity_index(20, 200, None, 4000, TEN_FIVE),
    ):
        assert shown.is_missing
        assert not shown.is_suppressed
        assert shown.text == "–"


def test_a_count_withheld_for_another_is_not_called_small() -> None:
    for shown in (
        disclosure.people(float("nan"), TEN_FIVE),
        disclosure.change(float("nan"), TEN_FIVE),
        disclosure.share(float("nan"), 500, TEN_FIVE),
        disclosure.share(500, float("nan"), TEN_FIVE),
    ):
        assert shown.is_withheld
        assert shown.text == "not shown"
        assert not shown.is_missing


def test_the_affinity_index_comes_from_four_rounded_counts() -> None:
    assert disclosure.affinity_index(52, 98, 203, 1001, TEN_FIVE).text == "244"  # (50/100) / (205/1000)
    assert disclosure.affinity_index(9, 98, 203, 1001, TEN_FIVE).text == "not shown"


@pytest.mark.parametrize(("value", "text"), [(-124, "−125"), (44, "+45"), (-9, "under 10"), (0, "under 10")])
def test_changes_keep_their_direction_unless_small(value: int, text: str) -> None:
    assert disclosure.change(value, TEN_FIVE).text == text


def test_a_negative_count_is_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        disclosure.people(-1, TEN_FIVE)


def test_what_would_round_to_zero_is_suppressed_too() -> None:
    assert disclosure.people(30, Limits(10, 100)).text == "under 50"
    assert disclosure.people(50, Limits(10, 100)).text == "100"


@pytest.mark.parametrize("value", [None, 0, 2.5, -5])
def test_bands_without_a_usable_limit_are_refused(value: float | None) -> None:
    bands = {"shown_people_at_least": 10.0} | ({} if value is None else {"shown_people_rounded_to": value})
    with pytest.raises(RefError, match="shown_people_rounded_to"):
        disclosure.limits(bands)
    assert disclosure.limits({"shown_people_at_least": 10.0, "shown_people_rounded_to": 5.0}) == TEN_FIVE


@pytest.mark.parametrize(
    ("value", "text"), [(0.001, "<1\u00a0%"), (0.005, "1\u00a0%"), (0.695, "70\u00a0%"), (1, "100\u00a0%")]
)
def test_percentages_are_whole_and_half_up(value: float, text: str) -> None:
    assert disclosure.percent(value) == text
