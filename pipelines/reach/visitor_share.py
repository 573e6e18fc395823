"""The share of visitors among the people whom an account reaches, with its interval.

About half of all people say where they live in words that can be placed. The share is that among them, as if the others
were like them (missing at random); `visitor_share_least` and `visitor_share_most` are the bounds that need no such
belief: nobody of the others is a visitor, everybody is.

The interval carries three errors. Those who gave a place are a sample of all whom the account reaches, with its
finite-population factor. Who belongs to the segment is known by probability only. And a place may be misread: a reading
is right with its rule's confidence, counted by hand; those misread are taken to be like the others, so that each side
of the share is weighted by its confidence. With P = Σp, V = Σp(1 - p), f the share that gave a place and c the mean
confidence, the variance of the share s is

    s (1 - s) [V + (P - V) (1/f + 1 - 2c)] / P²  +  (s (1 - s))² (var log c_visitors + var log c_home)

The first term sums two independent errors, that of the people who gave a place, Σp²/(f P²), and that of the segment's
true share about its expectation, less twice what they have in common. The bounds of that part are Wilson's (1927, doi
10.1080/01621459.1927.10502953) for the number of people that has this variance, so that they hold near 0 and 1.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.reach.intervals import Z

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Homes:
    """People an account reaches, arrays of shape (rows,): by where they live, and how certain that is."""

    home: Floats
    visitor: Floats
    unknown: Floats
    variance: Floats
    home_confidence: Floats
    visitor_confidence: Floats
    log_variance: Floats


def visitor_share(homes: Homes) -> tuple[Floats, Floats, Floats]:
    """Estimate the visitor share with its 95 % bounds; not a number where nobody gave a place."""
    certain_home, certain_visitor = homes.home * homes.home_confidence, homes.visitor * homes.visitor_confidence
    known, reached = homes.home + homes.visitor, homes.home + homes.visitor + homes.unknown
    with np.errstate(invalid="ignore", divide="ignore"):
        share = certain_visitor / (certain_home + certain_visitor)
        confidence = (certain_home + certain_visitor) / known
        squares = np.maximum(reached - homes.variance, 0)
        spread = (homes.variance + squares * (reached / known + 1 - 2 * confidence)) / reached**2
        lo, hi = _wilson(share, np.maximum(spread, 0))
        misread = Z * share * (1 - share) * np.sqrt(homes.log_variance)
        lo, hi = share - np.hypot(share - lo, misread), share + np.hypot(hi - share, misread)
    return share, np.clip(lo, 0, 1), np.clip(hi, 0, 1)


def _wilson(share: Floats, spread: Floats) -> tuple[Floats, Floats]:
    """Wilson's bounds for a share whose variance is share (1 - share) spread: 1 / spread people, however many."""
    squared = Z**2 * spread
    centre = (share + squared / 2) / (1 + squared)
    half = Z / (1 + squared) * np.sqrt(share * (1 - share) * spread + squared * spread / 4)
    return np.minimum(centre - half, share), np.maximum(centre + half, share)
