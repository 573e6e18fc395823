"""The share of people who are still active after so many weeks, with its bounds (Kaplan & Meier 1958)."""

import numpy as np

from pipelines.reach.intervals import Z

Floats = np.ndarray


def kaplan_meier(at_risk: np.ndarray, silent: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give the share still active after each week, with its 95 % bounds.

    Greenwood's variance (1926) on the log-log scale (Kalbfleisch and Prentice 1980), which keeps the bounds within 0
    and 1. Where nobody or everybody has fallen silent that scale has no width: there the bound is the exact binomial
    one for so many at risk, so that ten out of ten active never reads as certainty.
    """
    share = np.cumprod(1 - np.divide(silent, at_risk, out=np.zeros(len(silent)), where=at_risk > 0))
    share = np.where(share < 1e-12, 0.0, share)
    left = at_risk - silent
    steps = np.divide(silent, at_risk * left, out=np.zeros(len(silent)), where=(at_risk > 0) & (left > 1e-9))
    inner = (share > 0) & (share < 1)
    log_share = np.log(np.where(inner, share, 0.5))
    width = Z * np.sqrt(np.cumsum(steps)) / np.abs(log_share)
    begun = (np.arange(len(share)) == 0) & (silent == 0)  # active by definition
    lo = np.where(inner, np.exp(log_share * np.exp(width)), share)
    hi = np.where(inner, np.exp(log_share * np.exp(-width)), share)
    exact = 0.025 ** (1 / np.maximum(_still_known(at_risk, silent), 1e-9))
    return share, np.where((share == 1) & ~begun, exact, lo), np.where(share == 0, 1 - exact, hi)


def _still_known(at_risk: np.ndarray, silent: np.ndarray) -> np.ndarray:
    """How many people a week's share rests on: those at risk in the last week with a new silence, else those then."""
    last = np.maximum.accumulate(np.where(silent > 0, np.arange(len(silent)), 0))
    return np.where(silent.cumsum() > 0, at_risk[last], at_risk)
