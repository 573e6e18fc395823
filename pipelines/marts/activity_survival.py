"""How long people stay active: Kaplan-Meier curves of the weeks until silence, per segment and platform, in aggregate.

Somebody enters with the first act that the last 26 weeks show, and falls silent in the week after an act that no
other follows for `silent_after_weeks` weeks. Whoever's silence is shorter than that when the data end is censored:
nobody knows yet. Weeks without one act of anybody on the platform were not collected and do not pass.
"""

import numpy as np
import polars as pl
from scipy.stats import norm

from pipelines.marts import Inputs
from pipelines.reach.segment_person import MEMBERS
from pipelines.reference.files import read_bands

TABLE = "mart.activity_survival"
READS = (
    "core.engagement",
    "core.member",
    "core.segment_membership",
)

WEEKS_BACK = 26
Z = float(norm.ppf(0.975))

LIFE_TABLE = f"""
    WITH weeks_acted AS (
        SELECT DISTINCT platform, member_key, CAST(floor(($as_of - engaged_on) / 7) AS INTEGER) AS weeks_back
        FROM core.engagement
        WHERE engaged_on > $as_of - 7 * $weeks AND engaged_on <= $as_of
    ),
    weeks AS (
        SELECT platform, weeks_back,
            row_number() OVER (PARTITION BY platform ORDER BY weeks_back DESC) AS week_number,
            count(*) OVER (PARTITION BY platform) AS n_weeks
        FROM (SELECT DISTINCT platform, weeks_back FROM weeks_acted)
    ),
    acted AS (
        SELECT platform, member_key, week_number, n_weeks,
            min(week_number) OVER (PARTITION BY member_key) AS entered,
            coalesce(lead(week_number) OVER (PARTITION BY member_key ORDER BY week_number), n_weeks + 1) AS next_week
        FROM weeks_acted
        INNER JOIN weeks USING (platform, weeks_back)
    ),
    lives AS (
        SELECT platform, member_key, any_value(entered) AS entered, any_value(n_weeks) AS n_weeks,
            min(CASE WHEN next_week - week_number > $silent THEN week_number END) AS last_act
        FROM acted
        GROUP BY platform, member_key
    ),
    ends AS (
        SELECT platform, member_key, last_act IS NOT NULL AS fell_silent,
            coalesce(last_act, n_weeks - $silent) - entered + 1 AS week_no
        FROM lives
        WHERE entered <= n_weeks - $silent
    ),
    members AS ({MEMBERS})
    SELECT members.segment_id, ends.platform, CAST(ends.week_no AS BIGINT) AS week_no, count(*) AS n_members,
        CAST(sum(CASE WHEN ends.fell_silent THEN counts_as ELSE 0 END) AS DOUBLE) AS silent_people,
        CAST(sum(CASE WHEN ends.fell_silent THEN 0 ELSE counts_as END) AS DOUBLE) AS censored_people
    FROM ends
    INNER JOIN members ON ends.member_key = members.member_key
    GROUP BY members.segment_id, ends.platform, ends.week_no
    ORDER BY ALL
"""

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
    """Make `mart.activity_survival`: a row per segment, platform and week since people were first seen to act."""
    con, settings, as_of = inputs.con, inputs.settings, inputs.as_of
    silent_after = int(read_bands(settings)["silent_after_weeks"])
    wanted = {"as_of": as_of, "weeks": WEEKS_BACK, "silent": silent_after}
    ends = con.sql(LIFE_TABLE, params=wanted).pl()
    curves = [curve(part).with_columns(pl.lit(as_of).alias("as_of")) for part in _parts(ends)]
    return pl.concat(curves).select(*COLUMNS) if curves else pl.DataFrame(schema=COLUMNS)


def _parts(ends: pl.DataFrame) -> list[pl.DataFrame]:
    return ends.partition_by("segment_id", "platform", maintain_order=True)


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
