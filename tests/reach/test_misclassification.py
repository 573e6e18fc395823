"""Rates say the truth of planted worlds: bounds hold it nineteen times in twenty, and the raw rate does not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.reach import misclassification
from pipelines.reach.misclassification import TextSums

WORLDS = 2000  # of 400, chance alone would move a coverage of 95 % by 2 %
RECALL, FALSE_RATE = 0.77, 0.13  # of the planted labeller, about as of the shipped one
HOSTILE, OTHERS = 90, 148  # texts of its labelled sample


def labelled(rng: np.random.Generator) -> misclassification.LabelledSample:
    """Draw what each world's labelled sample shows of the planted labeller."""
    found, wrong = rng.binomial(HOSTILE, RECALL, WORLDS), rng.binomial(OTHERS, FALSE_RATE, WORLDS)
    return misclassification.LabelledSample(found, HOSTILE - found, wrong, OTHERS - wrong)


@pytest.mark.parametrize("truth", [0.05, 0.15, 0.35, 0.6])
@pytest.mark.parametrize("n_texts", [60, 600])
def test_intervals_hold_the_planted_share_where_the_raw_rate_is_biased(truth: float, n_texts: int) -> None:
    rng = np.random.default_rng(20)
    flagged = rng.binomial(n_texts, truth * RECALL + (1 - truth) * FALSE_RATE, WORLDS)
    found = misclassification.corrected_share(flagged, np.full(WORLDS, n_texts), 1, labelled(rng))
    assert 0.93 <= ((found.lo <= truth) & (truth <= found.hi)).mean() <= 0.98
    assert abs(found.estimate.mean() - truth) < 0.015
    raw = (flagged / n_texts).mean()
    assert raw == pytest.approx(truth * RECALL + (1 - truth) * FALSE_RATE, abs=0.01)
    assert truth == 0.35 or abs(raw - truth) > 0.05  # at 0.36 this labeller's two errors happen to cancel


def test_a_few_people_who_write_most_of_the_texts_widen_the_interval() -> None:
    rng = np.random.default_rng(21)
    truth, n_authors = 0.35, 100
    texts = rng.geometric(0.3, (WORLDS, n_authors))
    hostile = rng.binomial(texts, rng.beta(truth, 1 - truth, texts.shape))
    flagged = rng.binomial(hostile, RECALL) + rng.binomial(texts - hostile, FALSE_RATE)
    sums = [
        (one * other).sum(axis=1).astype(float) for one, other in ((texts, texts), (texts, flagged), (flagged, flagged))
    ]
    n_flagged, n_texts = flagged.sum(axis=1).astype(float), texts.sum(axis=1).astype(float)
    effect = misclassification.design_effect(TextSums(n_flagged, n_texts, *sums))
    assert 1.7 < effect.mean() < 2.2
    sample = labelled(rng)
    with_effect, without = (misclassification.corrected_share(n_flagged, n_texts, one, sample) for one in (effect, 1))
    assert 0.93 <= ((with_effect.lo <= truth) & (truth <= with_effect.hi)).mean() <= 0.98
    assert ((without.lo <= truth) & (truth <= without.hi)).mean() < 0.93


def test_a_text_each_has_a_design_effect_of_about_one() -> None:
    ones = np.array([600.0])
    assert (
        misclassification.design_effect(TextSums(np.array([200.0]), ones, ones, np.array([200.0]), np.array([200.0])))[
            0
        ]
        < 1.01
    )


def test_where_all_texts_are_alike_authors_are_counted() -> None:
    # Two authors of ten texts each, none hostile: about two texts' worth of knowledge.
    twenty, none = np.array([20.0]), np.array([0.0])
    assert misclassification.design_effect(TextSums(none, twenty, np.array([200.0]), none, none))[0] == 10


@settings(max_examples=40, deadline=None)
@given(
    share=st.floats(0, 1),
    recall=st.floats(0.5, 1),
    false_rate=st.floats(0, 0.4),
)
def test_the_estimate_solves_what_a_labeller_of_such_errors_would_find(
    share: float, recall: float, false_rate: float
) -> None:
    n = 1e6
    sample = misclassification.LabelledSample(recall * n, (1 - recall) * n, false_rate * n, (1 - false_rate) * n)
    found = misclassification.corrected_share([(share * recall + (1 - share) * false_rate) * n], [n], 1, sample)
    assert found.estimate[0] == pytest.approx(share, abs=1e-6)
    assert 0 <= found.lo[0] <= found.estimate[0] <= found.hi[0] <= 1


def test_no_text_gives_no_share_and_the_same_counts_the_same_bounds_in_any_company() -> None:
    sample = misclassification.LabelledSample(69, 21, 19, 129)
    alone = misclassification.corrected_share([30], [100], 1, sample)
    among = misclassification.corrected_share([0, 30, 5], [0, 100, 7], 1, sample)
    assert np.isnan([one[0] for one in (among.estimate, among.lo, among.hi)]).all()
    assert (alone.lo[0], alone.hi[0]) == (among.lo[1], among.hi[1])


def test_a_labeller_that_a_sample_does_not_show_to_beat_chance_is_known() -> None:
    assert misclassification.is_better_than_chance(misclassification.LabelledSample(69, 21, 19, 129))
    assert not misclassification.is_better_than_chance(misclassification.LabelledSample(2, 1, 10, 20))
    assert not misclassification.is_better_than_chance(misclassification.LabelledSample(20, 70, 40, 108))
    # Such a sample leaves the share open: the interval says it, and does not fail.
    found = misclassification.corrected_share([30], [100], 1, misclassification.LabelledSample(2, 1, 10, 20))
    assert found.lo[0] < 0.05 and found.hi[0] > 0.85


@pytest.mark.parametrize(("apart", "n_rows"), [(0.2, 9), (0.5, 3)])
def test_shrunk_rates_come_nearer_and_their_intervals_hold_the_planted_rates(apart: float, n_rows: int) -> None:
    rng = np.random.default_rng(22)
    held, near, raw = [], [], []
    for _ in range(200):
        thousands = rng.lognormal(-1.5, 1.2, n_rows)
        truth = rng.gamma(apart**-2, 200 * apart**2, n_rows)
        n = rng.poisson(truth * thousands).astype(float)
        found = misclassification.shrunk_rate(n, thousands)
        held.append((found.lo <= truth) & (truth <= found.hi))
        near.append(((found.estimate - truth) ** 2).mean())
        raw.append(((n / thousands - truth) ** 2).mean())
    assert 0.93 <= np.mean(held) <= 0.98
    assert np.mean(near) < 0.9 * np.mean(raw)


def test_a_small_row_moves_to_the_mean_a_large_one_stays() -> None:
    found = misclassification.shrunk_rate(np.array([500.0, 480.0, 4.0]), np.array([5.0, 5.0, 0.01]))
    assert abs(found.estimate[0] - 100) < 2
    assert found.estimate[2] < 200  # 400 by itself
    assert found.lo[2] < 100 < found.hi[2]


def test_two_rows_stand_for_themselves_and_none_without_exposure() -> None:
    found = misclassification.shrunk_rate(np.array([10.0, 0.0, 3.0]), np.array([0.1, 0.2, 0.0]))
    assert found.estimate[:2].tolist() == pytest.approx([100, 0])
    assert found.lo[0] < 100 < found.hi[0]
    assert found.hi[1] < 15
    assert np.isnan(found.estimate[2])
