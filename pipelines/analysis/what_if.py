"""What if accounts closed: who is lost, who is kept and by whom. The questions are table macros of the snapshot.

`what_if` and `who_else` ask `mart.what_if` and `mart.who_else` (sql/macro), so that a notebook, the command line and
plain SQL give the same numbers. Counts are exact: whoever lets them out goes through `pipelines.release.disclosure`.
"""

from collections.abc import Iterable

import duckdb
import polars as pl

from pipelines.analysis.account_name import open_accounts, resolve
from pipelines.reach.coverage_matrix import EVERYONE
from pipelines.reach.intervals import Z

BASES = ("follower", "active", "engaged")
BANDS = ("home area", "under 25 km", "25 to 100 km", "over 100 km", "abroad", "unknown")
VISITORS = BANDS[1:5]


def what_if(
    con: duckdb.DuckDBPyConnection, close: Iterable[str] = (), critical_only: Iterable[str] = ()
) -> pl.DataFrame:
    """Ask a snapshot who is lost if accounts close, or are cut back to critical updates.

    Accounts are named as `account_name.resolve` takes them. One row per segment, platform, basis and home band, all
    of `mart.what_if`'s columns, counts in people; segments by id and everyone last.
    Raises `SettingsError` for an account that is none of ours.
    """
    return _asked(con, "what_if", close, critical_only).sort(
        pl.col("segment_id") == EVERYONE,
        "segment_id",
        "platform",
        _place("basis", BASES),
        _place("home_band", BANDS),
    )


def who_else(
    con: duckdb.DuckDBPyConnection, close: Iterable[str] = (), critical_only: Iterable[str] = ()
) -> pl.DataFrame:
    """Ask a snapshot which accounts still reach those who keep us although an account of theirs closes.

    One row per segment, platform, basis and account that stays (people); the one that reaches most comes first.
    Raises `SettingsError` for an account that is none of ours.
    """
    return _asked(con, "who_else", close, critical_only).sort(
        pl.col("segment_id") == EVERYONE,
        "segment_id",
        "platform",
        _place("basis", BASES),
        -pl.col("still_reached_people"),
        "account_id",
    )


def totals(rows: pl.DataFrame, by: Iterable[str] = ("segment_id", "platform", "basis")) -> pl.DataFrame:
    """Add rows of `what_if` up over what `by` leaves out, bounds and all; the order of rows stays.

    Bounds are the total -/+ z x the root of its variance, never below 0 nor above the sum of the parts' bounds. A
    total with a missing part is missing: how much that part hides is unknown.
    """
    figures = ("reach_people", "lost_people", "lost_variance", "kept_people", "only_together_people")
    spread = Z * pl.col("lost_variance").sqrt()
    return (
        rows.group_by(list(by), maintain_order=True)
        .agg(
            *(
                pl.when(pl.col(one).is_null().any()).then(None).otherwise(pl.col(one).sum()).alias(one)
                for one in figures
            ),
            pl.col("lost_people_hi").sum(),
            pl.col("lost_reason").drop_nulls().unique(maintain_order=True).str.join("; ").replace("", None),
        )
        .with_columns(
            (pl.col("lost_people") - spread).clip(lower_bound=0).alias("lost_people_lo"),
            pl.when(pl.col("lost_people").is_not_null())
            .then(pl.min_horizontal(pl.col("lost_people") + spread, "lost_people_hi"))
            .alias("lost_people_hi"),
        )
    )


def _asked(
    con: duckdb.DuckDBPyConnection, macro: str, close: Iterable[str], critical_only: Iterable[str]
) -> pl.DataFrame:
    accounts = open_accounts(con)
    closed, cut_back = ([one.ref for one in resolve(words, accounts)] for words in (close, critical_only))
    found: pl.DataFrame = con.sql(
        f"FROM mart.{macro}(close := $close, critical_only := $critical_only)",
        params={"close": closed, "critical_only": cut_back},
    ).pl()
    return found


def _place(column: str, order: tuple[str, ...]) -> pl.Expr:
    return pl.col(column).replace_strict(dict(zip(order, range(len(order)), strict=True)), default=len(order))
