"""Contacts that name an account: how many a month, and whether they became fewer over the last quarter.

A contact counts for the account that the recording system names and for no other; nothing is inferred, and contacts
without a channel stay where they are.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]

WINDOW_DAYS = 91
DAYS_IN_MONTH = 365.25 / 12
WEEKS_COMPARED = 4


@dataclass(frozen=True)
class Change:
    """How contacts changed from the first four weeks to the last, with its 95 % bounds; or the reason why not known."""

    share: float | None = None
    lo: float | None = None
    hi: float | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Contacts:
    """The contacts of one account: a month, with the 95 % bounds, and their change."""

    platform: str
    account_id: str
    per_month: float
    per_month_lo: float
    per_month_hi: float
    change: Change


def contacts(rows: pl.DataFrame, as_of: date) -> Iterator[Contacts]:
    """Give every account that any contact names in the 91 days up to a day; days without a delivery do not count.

    `rows` are those of `core.contact`. The interval of the rate is Poisson's exact one (Garwood 1936).
    """
    days_back = (pl.lit(as_of) - pl.col("day")).dt.total_days()
    counted = rows.with_columns(days_back=days_back).filter(pl.col("days_back").is_between(0, WINDOW_DAYS - 1))
    if counted.is_empty():
        return
    n_days = int(counted["days_back"].max()) + 1  # type: ignore[arg-type]
    named = counted.filter(pl.col("account_id").is_not_null() & pl.col("platform").is_not_null())
    for (platform, account_id), part in named.sort("platform", "account_id", "days_back").group_by(
        "platform", "account_id", maintain_order=True
    ):
        total, months = float(part["n"].sum()), n_days / DAYS_IN_MONTH
        yield Contacts(
            str(platform),
            str(account_id),
            total / months,
            float(stats.gamma.ppf(0.025, total) if total else 0) / months,
            float(stats.gamma.ppf(0.975, total + 1)) / months,
            change(weekly(part, n_days)),
        )


def change(weeks: Floats) -> Change:
    """Compare the last four weeks of a series (oldest first) with its first four.

    The error of the log ratio is quasi-Poisson: the dispersion of the eight weeks around their two means, at least 1,
    and Student's t with six degrees of freedom.
    """
    if len(weeks) < 2 * WEEKS_COMPARED:
        return Change(reason=f"under {2 * WEEKS_COMPARED} whole weeks of contacts")
    halves = np.stack([weeks[:WEEKS_COMPARED], weeks[-WEEKS_COMPARED:]])
    totals = halves.sum(axis=1)
    if totals.min() <= 0:
        return Change(reason="four weeks without a contact")
    means = halves.mean(axis=1, keepdims=True)
    degrees = 2 * (WEEKS_COMPARED - 1)
    dispersion = max(1.0, float(((halves - means) ** 2 / means).sum()) / degrees)
    # The variance of the log of a Poisson count is about 1 / count; those of the two counts add up.
    error = math.sqrt(dispersion * float((1 / totals).sum())) * float(stats.t.ppf(0.975, degrees))
    log_ratio = math.log(totals[1] / totals[0])
    return Change(math.expm1(log_ratio), math.expm1(log_ratio - error), math.expm1(log_ratio + error))


def weekly(rows: pl.DataFrame, n_days: int) -> Floats:
    """Sum days (days_back, n) into whole weeks that end on the last day, oldest first; a day without a row had none."""
    n_weeks = n_days // 7
    by_week = rows.group_by(pl.col("days_back") // 7).agg(pl.col("n").sum()).filter(pl.col("days_back") < n_weeks)
    series = np.zeros(n_weeks)
    series[by_week["days_back"].to_numpy()] = by_week["n"].to_numpy()
    return series[::-1]
