"""Contacts that name an account: how many a month, and whether they became fewer over the last quarter.

A contact counts for the account that the recording system names and for no other; nothing is inferred, and contacts
without a channel stay where they are.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import duckdb
import numpy as np
from scipy import stats

WINDOW_DAYS = 91
DAYS_IN_MONTH = 365.25 / 12
WEEKS_COMPARED = 4


@dataclass(frozen=True)
class Contacts:
    """The contacts of one account: a month with its 95 % interval, and the change from first to last four weeks."""

    platform: str
    account_id: str
    per_month: float
    per_month_interval: tuple[float, float]
    change: float | None
    change_lo: float | None
    change_hi: float | None
    change_reason: str | None


def contacts(con: duckdb.DuckDBPyConnection, as_of: date) -> Iterator[Contacts]:
    """Give every account that any contact names in the 91 days up to a day; days without a delivery do not count.

    The interval of the rate is Poisson's exact one (Garwood 1936).
    """
    rows = con.execute(
        """
        WITH counted AS (
            SELECT *, date_diff('day', day, $as_of) AS days_back FROM core.contact
            WHERE day > $as_of - $window * INTERVAL 1 DAY AND day <= $as_of
        ), span AS (
            SELECT max(days_back) + 1 AS n_days FROM counted
        )
        SELECT platform, account_id, days_back, sum(n)::DOUBLE AS n, any_value(span.n_days) AS n_days
        FROM counted CROSS JOIN span
        WHERE account_id IS NOT NULL AND platform IS NOT NULL
        GROUP BY platform, account_id, days_back ORDER BY ALL
        """,
        {"as_of": as_of, "window": WINDOW_DAYS},
    ).fetchall()
    by_account: dict[tuple[str, str], dict[int, float]] = {}
    n_days = 0
    for platform, account_id, days_back, n, spanned in rows:
        by_account.setdefault((platform, account_id), {})[days_back] = n
        n_days = int(spanned)
    for (platform, account_id), daily in by_account.items():
        months = n_days / DAYS_IN_MONTH
        total = sum(daily.values())
        weekly = _weeks(daily, n_days)
        yield Contacts(
            platform,
            account_id,
            total / months,
            (float(stats.gamma.ppf(0.025, total) if total else 0) / months,
             float(stats.gamma.ppf(0.975, total + 1)) / months),
            *change(weekly),
        )  # fmt: skip


def change(weekly: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> tuple[
    float | None, float | None, float | None, str | None
]:  # fmt: skip
    """Compare the last four weeks of a series (oldest first) with its first four: change, bounds, why not.

    The error of the log ratio is quasi-Poisson: the dispersion of the eight weeks around their two means, at least 1,
    and Student's t with six degrees of freedom.
    """
    if len(weekly) < 2 * WEEKS_COMPARED:
        return None, None, None, f"under {2 * WEEKS_COMPARED} whole weeks of contacts"
    halves = np.stack([weekly[:WEEKS_COMPARED], weekly[-WEEKS_COMPARED:]])
    totals = halves.sum(axis=1)
    if totals.min() <= 0:
        return None, None, None, "four weeks without a contact"
    means = halves.mean(axis=1, keepdims=True)
    degrees = 2 * (WEEKS_COMPARED - 1)
    dispersion = max(1.0, float(((halves - means) ** 2 / means).sum()) / degrees)
    error = math.sqrt(dispersion * float((1 / totals).sum())) * float(stats.t.ppf(0.975, degrees))
    log_ratio = math.log(totals[1] / totals[0])
    low, middle, high = (math.expm1(log_ratio + step) for step in (-error, 0, error))
    return middle, low, high, None


def _weeks(daily: dict[int, float], n_days: int) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    """Sum days into whole weeks that end on the last day, oldest first; a day without a row had no contact."""
    n_weeks = n_days // 7
    series = np.zeros(7 * n_weeks)
    for days_back, n in daily.items():
        if days_back < len(series):
            series[days_back] = n
    return np.asarray(series.reshape(n_weeks, 7).sum(axis=1)[::-1], dtype=np.float64)
