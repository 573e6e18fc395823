"""Rates with their uncertainty: a labeller's errors, texts by few people, small groups. Numbers in, numbers out.

The share of hostile texts is corrected by the formula of Rogan and Gladen (1978, doi
10.1093/oxfordjournals.aje.a112510): what a labeller finds is (share x recall) + (1 - share) x (its false positives),
solved for the share. It holds where the labelled sample is like the texts; tone.yml says what the sample was.
"""

from dataclasses import dataclass, fields
from functools import cache

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.special import betaincinv, gammaincinv, gammaln
from scipy.stats import qmc

from pipelines.reference.text_rules import Labeller

Numbers = npt.NDArray[np.float64]

DRAWS = 1024
TAILS = (0.025, 0.975)


@dataclass(frozen=True)
class Interval:
    """Estimates with their bounds, 95 %, one element a row."""

    estimate: Numbers
    lo: Numbers
    hi: Numbers


@dataclass(frozen=True)
class LabelledSample:
    """Counts of labelled texts, or arrays of counts, one element a row."""

    true_positives: npt.ArrayLike
    false_negatives: npt.ArrayLike
    false_positives: npt.ArrayLike
    true_negatives: npt.ArrayLike


@dataclass(frozen=True)
class TextSums:
    """Texts judged by a labeller, shape (rows,): counts, and sums over their authors that say how few wrote them.

    `judged_squares` sums each author's judged texts squared, `hostile_squares` the hostile ones squared, and
    `judged_hostile_products` their products.
    """

    n_hostile: Numbers
    n_judged: Numbers
    judged_squares: Numbers
    judged_hostile_products: Numbers
    hostile_squares: Numbers

    @classmethod
    def of(cls, rows: pl.DataFrame) -> "TextSums":
        """Take the columns of these names; not a number where one is missing."""
        names = (one.name for one in fields(cls))
        return cls(*(rows[name].cast(pl.Float64).fill_null(float("nan")).to_numpy() for name in names))


def labelled_sample(labeller: Labeller) -> LabelledSample:
    """Take the counts of tone.yml."""
    return LabelledSample(
        labeller.true_positives, labeller.false_negatives, labeller.false_positives, labeller.true_negatives
    )


def hostile_share(texts: TextSums, sample: LabelledSample) -> Interval:
    """Estimate the share of hostile texts: corrected for the labeller's errors, bounded for texts by few authors."""
    return corrected_share(np.nan_to_num(texts.n_hostile), np.nan_to_num(texts.n_judged), design_effect(texts), sample)


def corrected_share(
    n_hostile: npt.ArrayLike, n_judged: npt.ArrayLike, design_effect: npt.ArrayLike, sample: LabelledSample
) -> Interval:
    """Correct the observed share of `n_hostile` texts in `n_judged`, all of shape (rows,).

    The bounds are quantiles of the share over the posteriors (Beta, Jeffreys' prior) of the observed share, the recall
    and the false positive rate, drawn with Sobol's points: the same counts give the same bounds. A `design_effect` of
    2 halves what the texts count. Not a number without a text.
    """
    hostile, judged, effect = np.broadcast_arrays(
        *(np.asarray(one, float) for one in (n_hostile, n_judged, design_effect))
    )
    counts = (sample.true_positives, sample.false_negatives, sample.false_positives, sample.true_negatives)
    found, missed, wrong, right = (np.asarray(one, float) for one in counts)
    recall, false_rate = found / (found + missed), wrong / (wrong + right)
    with np.errstate(invalid="ignore", divide="ignore"):
        estimate = np.clip((hostile / judged - false_rate) / (recall - false_rate), 0, 1)
        drawn_share = _beta(hostile / effect, (judged - hostile) / effect, 0)
    drawn_recall, drawn_false_rate = _beta(found, missed, 1), _beta(wrong, right, 2)
    # A draw in which the labeller is no better than chance does not bound the share: it may be anything.
    gain = drawn_recall - drawn_false_rate
    drawn = np.where(gain > 0, np.clip((drawn_share - drawn_false_rate) / np.where(gain > 0, gain, 1), 0, 1), np.nan)
    drawn = np.where(np.isnan(drawn), np.broadcast_to(_points()[:, 0], drawn.shape), drawn)
    lo, hi = np.quantile(drawn, TAILS, axis=-1)
    empty = ~(judged > 0)
    return Interval(
        *(np.where(empty, np.nan, one) for one in (estimate, np.minimum(lo, estimate), np.maximum(hi, estimate)))
    )


def is_better_than_chance(sample: LabelledSample) -> bool:
    """Tell whether the labelled sample shows, at 97.5 %, that hostile texts are found more often than others."""
    recall = _beta(np.asarray(sample.true_positives, float), np.asarray(sample.false_negatives, float), 1)
    false_rate = _beta(np.asarray(sample.false_positives, float), np.asarray(sample.true_negatives, float), 2)
    return bool(np.quantile(recall - false_rate, TAILS[0]) > 0)


def design_effect(texts: TextSums) -> Numbers:
    """Tell by how much the share's variance is larger than if each text had another author; at least 1.

    The variance of a ratio over clusters (Cochran, Sampling Techniques, section 11.4), linearised, against the
    binomial one; the clusters are authors.
    """
    judged = texts.n_judged
    with np.errstate(invalid="ignore", divide="ignore"):
        share = texts.n_hostile / judged
        between = texts.hostile_squares - 2 * share * texts.judged_hostile_products + share**2 * texts.judged_squares
        # So many authors, were all as diligent, would give such sums; a spread among few is measured too small.
        authors = judged**2 / texts.judged_squares
        effect = between / (judged * share * (1 - share)) * np.where(authors > 1, authors / (authors - 1), np.nan)
        # Where all or none are hostile nothing tells how alike an author's texts are: then count authors, about.
        alike = texts.judged_squares / judged
    degenerate = ~((texts.n_hostile > 0) & (texts.n_hostile < judged))
    inflated: Numbers = np.maximum(1, np.nan_to_num(np.where(degenerate, alike, effect), nan=1.0))
    return inflated


def shrunk_rate(n: Numbers, exposure: Numbers) -> Interval:
    """Draw the rates n / exposure, shape (rows,), of one kind of rows towards their mean: gamma prior, Poisson counts.

    How high the mean is and how far rates lie apart (their coefficient of variation, any from 0.02 to 1.5 as likely)
    is itself uncertain, and averaged over: with the prior's most likely shape alone, the intervals of nine rows cover
    87 % instead of 95 %. Fewer than three rows do not show it: each is estimated alone, with Jeffreys' prior. Not a
    number without exposure. After Gelman and others, Bayesian Data Analysis, sections 2.6 and 5.3.
    """
    known = exposure > 0
    made = np.full((3, len(n)), np.nan)
    counts, times = n[known], exposure[known]
    if known.sum() < 3 or not counts.sum():
        bounds = [gammaincinv(counts + 0.5, tail) / times for tail in TAILS]
        made[:, known] = counts / times, *bounds
        return Interval(*made)
    shape, rate = _priors(counts, times)
    # Each draw takes one prior, as often as it is likely, and one point of the row's posterior under it.
    drawn = gammaincinv(shape + counts[:, None], _points()[None, :, 0]) / (rate + times[:, None])
    made[:, known] = (
        ((shape + counts[:, None]) / (rate + times[:, None])).mean(axis=1),
        *np.quantile(drawn, TAILS, axis=1),
    )
    return Interval(*made)


def _priors(counts: Numbers, times: Numbers) -> tuple[Numbers, Numbers]:
    """Draw shapes and rates of the gamma prior, shape (draws,), by how likely they make the counts of all rows."""
    pooled = counts.sum() / times.sum()
    mean, apart = (
        one.ravel() for one in np.meshgrid(pooled * np.exp(np.linspace(-1.5, 1.5, 61)), np.linspace(0.02, 1.5, 40))
    )
    shape = 1 / apart**2
    rate = shape / mean
    # Negative binomial: what is left of Poisson counts whose rates are gamma.
    likely = (
        gammaln(shape + counts[:, None])
        - gammaln(shape)
        + shape * np.log(rate / (rate + times[:, None]))
        + counts[:, None] * np.log(times[:, None] / (rate + times[:, None]))
    ).sum(axis=0)
    weight = np.exp(likely - likely.max())
    taken = np.searchsorted(np.cumsum(weight) / weight.sum(), _points()[:, 1])
    return shape[taken], rate[taken]


@cache
def _points() -> Numbers:
    """Points that fill the unit cube evenly: always the same."""
    points: Numbers = qmc.Sobol(3, seed=1978).random(DRAWS)
    return points


def _beta(yes: npt.ArrayLike, no: npt.ArrayLike, dimension: int) -> Numbers:
    """Draws of the posteriors of shares, shape (..., draws); each different pair of counts is worked out once."""
    pairs = np.stack(np.broadcast_arrays(np.asarray(yes, float), np.asarray(no, float)), axis=-1)
    # Texts counted by probabilities of membership may stand a millionth below nothing.
    pairs = np.maximum(np.nan_to_num(pairs, nan=0.0, posinf=0.0), 0)
    different, where = np.unique(pairs.reshape(-1, 2), axis=0, return_inverse=True)
    drawn: Numbers = betaincinv(different[:, :1] + 0.5, different[:, 1:] + 0.5, _points()[None, :, dimension])
    return drawn[where.reshape(pairs.shape[:-1])]
