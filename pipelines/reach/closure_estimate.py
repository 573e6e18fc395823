"""The arithmetic of a closure audit: after to before of one audience, against the same of the controls' audiences.

What would have come of the closed account's audience is drawn from the kept accounts' ratios of after to before, taken
as a random effect: their mean, and how far they differ beyond chance. Chance is that of a ratio of sums over people: a
person's weeks are one observation (Taylor linearisation).
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.stats import chi2
from scipy.stats import t as student

LEAST_CONTROLS = 3
LEAST_PERSON_WEEKS = 10  # fewer before the closure cannot show a change


@dataclass(frozen=True)
class Sums:
    """What is known of audiences, one value each: sums over people of weekly shares before (a) and after (b).

    `before` = sum p a, `after` = sum p b, and their squares and product; `p` is the probability to belong.
    """

    before: np.ndarray
    after: np.ndarray
    aa: np.ndarray
    ab: np.ndarray
    bb: np.ndarray


@dataclass(frozen=True)
class Gap:
    """After less what would have come, in people per week, with its 95 % bounds."""

    expected: float
    effect: float
    lo: float
    hi: float
    n_as_far: int


def ratio_variance(sums: Sums, ratio: np.ndarray) -> np.ndarray:
    """Variance of `after - ratio * before` over people, with a third of a person for what few people cannot show."""
    return np.asarray(np.maximum(sums.bb - 2 * ratio * sums.ab + ratio**2 * sums.aa, 0) + 0.1)


def random_effect(ratio: np.ndarray, variance: np.ndarray) -> tuple[float, float, float]:
    """Mean of the controls' ratios, its variance, and the variance between controls beyond chance.

    The latter is the one at which the controls' scatter is the median of what chance gives (generalised Q, Viechtbauer
    2007), so that it is as often too small as too large; the usual estimate is mostly too small with so few controls.
    """
    usual = float(chi2.ppf(0.5, len(ratio) - 1))
    between = 0.0
    if _scatter(0, ratio, variance) > usual:
        most = (len(ratio) * float(np.ptp(ratio)) ** 2) / usual
        between = float(brentq(lambda one: _scatter(one, ratio, variance) - usual, 0, most))
    weight = 1 / (variance + between)
    return float((weight * ratio).sum() / weight.sum()), float(1 / weight.sum()), between


def _scatter(between: float, ratio: np.ndarray, variance: np.ndarray) -> float:
    weight = 1 / (variance + between)
    mean = (weight * ratio).sum() / weight.sum()
    return float((weight * (ratio - mean) ** 2).sum())


def gap(audience: Sums, controls: Sums) -> Gap:
    """Compare one audience (arrays of one) with its controls.

    Degrees of freedom after Satterthwaite; two are spent on what the controls share and how they differ (Higgins,
    Thompson and Spiegelhalter 2009).

    `n_as_far` counts the controls that, taken for the closed account, would lie as far from the others.
    """
    ratios = controls.after / controls.before
    variances = ratio_variance(controls, ratios) / controls.before**2
    mean, error, between = random_effect(ratios, variances)
    before = float(audience.before[0])
    expected = mean * before
    effect = float(audience.after[0]) - expected
    own = float(ratio_variance(audience, np.array([mean]))[0])
    shared = before**2 * (error + between)
    total = own + shared
    freedom = (len(ratios) - 2) * (total / shared) ** 2
    width = float(student.ppf(0.975, freedom)) * math.sqrt(total)
    far = np.abs(ratios - mean) / np.sqrt(variances + between)
    n_as_far = int((far >= abs(effect) / math.sqrt(total)).sum())
    return Gap(expected, effect, effect - width, effect + width, n_as_far)


def trend_apart(audience: np.ndarray, others: np.ndarray) -> tuple[float, float]:
    """Weekly growth of an audience relative to the controls' before the closure, as a slope of logs, and its p-value.

    `audience`, `others`: people per week. Weighted least squares, with the scatter about the line as it is: most
    people who are active in a week were so in the last, so that it is less than that of counts.
    """
    weeks = np.arange(len(audience)) - (len(audience) - 1) / 2
    logs = np.log((audience + 0.5) / (others + 0.5))
    weight = 1 / (1 / (audience + 0.5) + 1 / (others + 0.5))
    middle = (weight * weeks).sum() / weight.sum()
    level = (weight * logs).sum() / weight.sum()
    moment = (weight * (weeks - middle) ** 2).sum()
    slope = (weight * (weeks - middle) * logs).sum() / moment
    left = logs - level - slope * (weeks - middle)
    scatter = max(0.01, float((weight * left**2).sum() / (len(weeks) - 2)))
    p_value = 2 * student.sf(abs(slope) / math.sqrt(scatter / moment), len(weeks) - 2)
    return float(slope), float(p_value)
