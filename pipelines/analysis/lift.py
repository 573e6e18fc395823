"""How much more often a segment's people follow an account or say a word than others who are as active."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

# Where a stratum of activity begins: other accounts followed, or other words said.
STRATA = (0, 1, 2, 3, 4, 5, 7, 10, 15, 25)
MOST_ACTIVE = 64

Floats = NDArray[np.float64]


def log_lifts(
    hits: pl.DataFrame, population: pl.DataFrame, table: pl.DataFrame, of_accounts: bool, least: int
) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Log of the stratified lift and its standard error per row of `table`, and whether both may be shown.

    RR = sum(a n0 / N) / sum(b n1 / N) over strata, var(log RR) = sum((n1 n0 (a + b) - a b N) / N^2) / (R S), with
    a of n1 members and b of n0 others hit (Mantel-Haenszel). Where fewer than `least` others are hit, nine are taken
    and the unstratified ratio of Katz et al. 1978 gives a bound.
    """
    hit, size = _strata(hits, population, table, of_accounts)
    b, a, n0, n1 = hit[:, 0], hit[:, 1], size[:, 0], size[:, 1]
    both = np.maximum(n0 + n1, 1)
    upper, lower = (a * n0 / both).sum(axis=1), (b * n1 / both).sum(axis=1)
    spread = ((n1 * n0 * (a + b) - a * b * both) / both**2).sum(axis=1)
    known = (b.sum(axis=1) >= least) & (upper > 0) & (lower > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        log_lift, se = np.log(upper / lower), np.sqrt(spread / (upper * lower))
        hits_inside, members, others = a.sum(axis=1), n1.sum(axis=1), np.maximum(n0.sum(axis=1), least)
        few = np.maximum(b.sum(axis=1), least - 1)
        log_bound = np.log(hits_inside / members) - np.log(few / others)
        se_bound = np.sqrt(1 / hits_inside - 1 / members + 1 / few - 1 / others)
    return np.where(known, log_lift, log_bound), np.where(known, se, np.maximum(se_bound, 1e-9)), known


def _strata(
    hits: pl.DataFrame, population: pl.DataFrame, table: pl.DataFrame, of_accounts: bool
) -> tuple[Floats, Floats]:
    """Count the people hit and all people, each of shape (rows of `table`, others and members, strata).

    A stratum is a platform and a band of activity. A person's activity is counted without the candidate itself: else
    whoever is hit would be in a higher stratum for that reason alone.
    """
    place = {platform: n for n, platform in enumerate(sorted(population["platform"].unique()))}
    index = {candidate: n for n, candidate in enumerate(table["candidate"])}
    total = np.zeros((2, len(place), MOST_ACTIVE + 1))
    columns = ("platform", "in_segment", "activity", "n_people")
    for platform, inside, activity, n in population.select(columns).iter_rows():
        total[int(inside), place[platform], activity] += n
    hit = np.zeros((len(index), *total.shape))
    at = (
        np.array([index[candidate] for candidate in hits["candidate"]]),
        hits["in_segment"].to_numpy().astype(np.int64),
        np.array([place[platform] for platform in hits["platform"]]),
        hits["activity"].to_numpy(),
    )
    np.add.at(hit, at, hits["n_people"].to_numpy())
    activity = np.arange(MOST_ACTIVE + 1)
    with_it, without_it = (
        np.eye(len(STRATA))[np.searchsorted(STRATA, others, side="right") - 1]
        for others in (np.maximum(activity - 1, 0), activity)
    )
    people_hit = (hit @ with_it).reshape(len(index), 2, -1)
    size = people_hit + ((total - hit) @ without_it).reshape(len(index), 2, -1)
    if of_accounts:  # an account's followers can only be on its platform
        size *= np.repeat(hit.sum(axis=(1, 3)) > 0, len(STRATA), axis=1)[:, None, :]
    return people_hit, size
