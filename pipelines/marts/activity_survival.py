"""`mart.activity_survival`: how long people stay active, as Kaplan-Meier curves per segment and platform.

`core.activity_end` says when people fell silent; here the weeks of each curve are laid out and the shares estimated.
"""

import numpy as np
import polars as pl

from pipelines.marts import Inputs
from pipelines.reach.survival import kaplan_meier

TABLE = "mart.activity_survival"
READS = ("core.activity_end",)

COLUMNS = {
    "as_of": pl.Date,
    "segment_id": pl.String,
    "platform": pl.String,
    "week_no": pl.Int64,
    "n_at_risk": pl.Int64,
    "at_risk_people": pl.Float64,
    "silent_people": pl.Float64,
    "censored_people": pl.Float64,
    "survival_share": pl.Float64,
    "survival_share_lo": pl.Float64,
    "survival_share_hi": pl.Float64,
}


def make(inputs: Inputs) -> pl.DataFrame:
    """Make a row per segment, platform and week since people were first seen to act."""
    ends = inputs.read("core.activity_end")
    parts = ends.partition_by("segment_id", "platform", maintain_order=True)
    curves = [curve(part).with_columns(pl.lit(inputs.as_of).alias("as_of")) for part in parts]
    return pl.concat(curves).select(*COLUMNS) if curves else pl.DataFrame(schema=COLUMNS)


def curve(ends: pl.DataFrame) -> pl.DataFrame:
    """Give one segment's curve on one platform from how many ended, and how, in each week.

    `ends`: segment_id, platform, week_no (1 and on), n_members, silent_people, censored_people; people are counted by
    their probability. Week 0 is the beginning: all are at risk, and active. Within a week silence comes before
    censoring (Kaplan and Meier 1958).
    """
    weeks = np.arange(int(ends["week_no"].max()) + 1)  # type: ignore[arg-type]
    members, silent, censored = (
        _by_week(ends, weeks, column) for column in ("n_members", "silent_people", "censored_people")
    )
    at_risk = _from_here_on(silent + censored)
    share, lo, hi = kaplan_meier(at_risk, silent)
    return pl.DataFrame(
        {
            "segment_id": [ends["segment_id"][0]] * len(weeks),
            "platform": [ends["platform"][0]] * len(weeks),
            "week_no": weeks,
            "n_at_risk": np.rint(_from_here_on(members)).astype(np.int64),
            "at_risk_people": at_risk,
            "silent_people": silent,
            "censored_people": censored,
            "survival_share": share,
            "survival_share_lo": lo,
            "survival_share_hi": hi,
        }
    )


def _by_week(ends: pl.DataFrame, weeks: np.ndarray, column: str) -> np.ndarray:
    found = np.zeros(len(weeks))
    found[ends["week_no"].to_numpy()] = ends[column].to_numpy()
    return found


def _from_here_on(counts: np.ndarray) -> np.ndarray:
    return np.round(np.cumsum(counts[::-1])[::-1], 6)
