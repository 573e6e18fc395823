"""Who will be active in the next 28 days: expected people per segment and account, with the error of earlier forecasts.

Each member and account has a score, the sum of exp(-age / tau) over the member's acts with it. What a score means is
learnt from the period before: of those who had it 28 days ago, how many acted since (isotonic regression, so that a
higher score never means less). A segment's people may be livelier with an account than their scores say, or less: the
factor by which they were last period counts as far as chance does not explain it. Whoever has no act behind them has
no score; newcomers are expected as last period.
"""

import math
from dataclasses import dataclass
from datetime import date

import duckdb
import numpy as np
import polars as pl
from scipy.optimize import isotonic_regression

from pipelines.common.settings import Settings
from pipelines.marts import Inputs
from pipelines.marts.activity_survival import Z
from pipelines.reach.segment_person import SEGMENT_MEMBERS
from pipelines.reference.files import read_bands

TABLE = "mart.activity_forecast"
READS = (
    "core.account",
    "core.engagement",
    "core.member",
    "core.segment_membership",
    "ref.segment",
)

PERIOD = 28  # days that a forecast looks ahead, and that acts are summed over
BACKTESTS = 3
LOOKBACK = 6  # periods after which somebody without an act counts as new
STATES = BACKTESTS + 2  # scores now, and as they stood one to four periods ago
BINS_PER_E = 12  # bins of the score's logarithm: 8 % wide
UNIT = 10**12  # weights are summed as whole numbers: whatever the order, two nights give the same scores

Days = dict[str, int]
CELL = ("segment_id", "platform", "account_id")


def _each_state(sql: str, apart: str = ", ") -> str:
    return apart.join(sql.format(n=n) for n in range(STATES))


# A sum per member, account and period, aged to the period's end; then, per state, earlier sums aged by whole periods.
ACCOUNTS = """
    SELECT platform, account_id, CAST(row_number() OVER (ORDER BY platform, account_id) AS SMALLINT) AS account_no
    FROM core.account
    WHERE role = 'own' AND is_open
"""

PAIRS = f"""
    CREATE OR REPLACE TEMP TABLE activity_pair AS
    WITH accounts AS ({ACCOUNTS}),
    sums AS (
        SELECT account_no, member_key, CAST(($as_of - engaged_on) // {PERIOD} AS TINYINT) AS period_no,
            sum(CAST(round(exp(-(($as_of - engaged_on) % {PERIOD}) / $tau) * {UNIT}) AS BIGINT)) AS weight
        FROM core.engagement
        INNER JOIN accounts USING (platform, account_id)
        WHERE engaged_on <= $as_of AND engaged_on > $as_of - {PERIOD * (STATES - 1 + LOOKBACK)}
        GROUP BY ALL
    ),
    states AS (
        SELECT account_no, member_key,
            {_each_state("min(CASE WHEN period_no >= {n} THEN period_no - {n} END) AS quiet_{n}")},
            {_each_state(
                "sum(CASE WHEN period_no >= {n} THEN CAST(round(weight * $kept ** (period_no - {n})) AS BIGINT) END) "
                "AS sum_{n}"
            )}
        FROM sums
        GROUP BY account_no, member_key
    )
    SELECT account_no, member_key, {_each_state("quiet_{n}")},
        {_each_state("CAST(floor(ln(greatest(sum_{n}, 1) / 1e12) * 12) AS SMALLINT) AS bin_{n}")}
    FROM states
"""  # fmt: skip

# One row per cell, state, periods since the latest act, bin, and whether an act came in the period after.
COUNTS = f"""
    CREATE OR REPLACE TEMP TABLE activity_count AS
    WITH accounts AS ({ACCOUNTS}),
    members AS ({SEGMENT_MEMBERS}),
    pairs AS (
        SELECT *, false AS came_0,
            {", ".join(f"coalesce(quiet_{n - 1} = 0, false) AS came_{n}" for n in range(1, STATES))}
        FROM activity_pair
    ),
    states AS (
        {_each_state(
            "SELECT account_no, member_key, CAST({n} AS TINYINT) AS period_no, quiet_{n} AS n_quiet, "
            "bin_{n} AS score_bin, came_{n} AS came FROM pairs WHERE quiet_{n} IS NOT NULL OR came_{n}", " UNION ALL "
        )}
    ),
    counts AS (
        SELECT 'everyone' AS segment_id, account_no, period_no, n_quiet, score_bin, came, count(*) AS n_members,
            CAST(count(*) AS DOUBLE) AS people, CAST(count(*) AS DOUBLE) AS people_squared
        FROM states
        GROUP BY account_no, period_no, n_quiet, score_bin, came
        UNION ALL
        SELECT segment_id, account_no, period_no, n_quiet, score_bin, came, count(*) AS n_members,
            CAST(sum(counts_as) AS DOUBLE) AS people,
            CAST(sum(CAST(counts_as * counts_as AS DECIMAL(18, 12))) AS DOUBLE) AS people_squared
        FROM states
        INNER JOIN members USING (member_key)
        WHERE period_no <= 2
        GROUP BY segment_id, account_no, period_no, n_quiet, score_bin, came
    )
    SELECT CAST($as_of AS DATE) AS as_of, accounts.platform, accounts.account_id, counts.* EXCLUDE (account_no)
    FROM counts
    INNER JOIN accounts USING (account_no)
"""  # fmt: skip

EVERY_CELL = """
    SELECT segment_id, platform, account_id
    FROM (SELECT segment_id FROM ref.segment UNION ALL SELECT 'everyone' AS segment_id)
    CROSS JOIN core.account
    WHERE role = 'own' AND is_open
    ORDER BY ALL
"""

DAYS = """
    SELECT account.platform, coalesce(max($as_of - engagement.engaged_on) + 1, 0)
    FROM (SELECT DISTINCT platform FROM core.account WHERE role = 'own' AND is_open) AS account
    LEFT JOIN (
        SELECT platform, min(engaged_on) AS engaged_on FROM core.engagement WHERE engaged_on <= $as_of GROUP BY ALL
    ) AS engagement USING (platform)
    GROUP BY ALL
    ORDER BY ALL
"""


@dataclass(frozen=True)
class Calibration:
    """What a score of each bin means: blocks of bins with one probability, each from so many pairs."""

    bins: np.ndarray
    block_of_bin: np.ndarray
    probability: np.ndarray
    n_pairs: np.ndarray

    def block(self, bins: np.ndarray) -> np.ndarray:
        """The block of each bin; one never seen takes that of the next higher, above the highest the highest's."""
        place = np.minimum(np.searchsorted(self.bins, bins), len(self.bins) - 1)
        return np.asarray(self.block_of_bin[place])

    def predict(self, bins: np.ndarray) -> np.ndarray:
        """The probability of activity for each bin."""
        return np.asarray(self.probability[self.block(bins)])


def fit(bins: np.ndarray, came: np.ndarray, n: np.ndarray) -> Calibration:
    """Fit isotonic probabilities to a histogram: for each row a bin, whether they came (0 or 1), how many pairs.

    Least squares under order (Barlow et al. 1972), by scipy. Each block is counted with half a pair more of either
    kind, so that one in which all came promises nothing for certain.
    """
    found, place = np.unique(bins, return_inverse=True)
    total = np.bincount(place, weights=n)
    active = np.bincount(place, weights=n * came)
    edges = np.asarray(isotonic_regression(active / total, weights=total).blocks)
    block_of_bin = np.repeat(np.arange(len(edges) - 1), np.diff(edges))
    pairs = np.bincount(block_of_bin, weights=total)
    hits = np.bincount(block_of_bin, weights=active)
    return Calibration(found, block_of_bin, (hits + 0.5) / (pairs + 1), pairs)


def tau(half_life_days: float) -> float:
    """Time constant, in days, of a half-life: a day keeps exp(-1 / tau) = 2 ** (-1 / half-life)."""
    return half_life_days / math.log(2)


def count(con: duckdb.DuckDBPyConnection, settings: Settings, as_of: date) -> pl.DataFrame:
    """Count people by what their scores were now and earlier, into a temporary table of aggregates, and give it.

    Columns: segment_id, platform, account_id, period_no (28 days back each), n_quiet (whole periods since the latest
    act, empty before the first), score_bin, came (an act in the period after), n_members, people, people_squared.
    """
    constant = tau(read_bands(settings)["activity_half_life_days"])
    con.execute(PAIRS, {"as_of": as_of, "tau": constant, "kept": math.exp(-PERIOD / constant)})
    con.execute(COUNTS, {"as_of": as_of})
    con.execute("DROP TABLE activity_pair")
    counts: pl.DataFrame = con.sql("SELECT * FROM activity_count ORDER BY ALL").pl()
    con.execute("DROP TABLE activity_count")
    return counts


def _days_of_acts(con: duckdb.DuckDBPyConnection, as_of: date) -> Days:
    """How many days back acts are known on each platform of ours, 0 where none were ever collected."""
    return dict(con.execute(DAYS, {"as_of": as_of}).fetchall())


def lookback(n_days: int, period: int) -> int:
    """How many periods back a forecast made `period` periods ago may look: as many as the one it learns from could.

    Below 1 there was nothing to learn from.
    """
    return min(LOOKBACK, n_days // PERIOD - period - 1)


def _missing(n_days: int, period: int) -> str:
    if not n_days:
        return "no engagement extract"
    return f"needs {PERIOD * (period + 2) - n_days} more days of acts"


def _known(counts: pl.DataFrame, platform: str, period: int, n_back: int) -> pl.DataFrame:
    """Everyone's pairs on a platform who acted in the `n_back` periods before `period` periods ago."""
    return counts.filter(
        (pl.col("segment_id") == "everyone")
        & (pl.col("platform") == platform)
        & (pl.col("period_no") == period)
        & (pl.col("n_quiet") < n_back)
    )


def learn(counts: pl.DataFrame, platform: str, n_days: int, period: int) -> Calibration | None:
    """Learn what scores meant one period before a forecast made `period` periods ago; None where nothing can be."""
    known = _known(counts, platform, period + 1, lookback(n_days, period))
    if known.is_empty():
        return None
    return fit(*(known[column].to_numpy().astype(float) for column in ("score_bin", "came", "n_members")))


def make(inputs: Inputs) -> pl.DataFrame:
    """Make `mart.activity_forecast`: people of each segment expected to act with each account in the next 28 days.

    The bounds hold what chance does to each person, what probabilities and factors were learnt from, and what newcomers
    may do; times how far the forecast of a period ago was off beyond that, where there was one.
    """
    con, settings, as_of = inputs.con, inputs.settings, inputs.as_of
    counts = count(con, settings, as_of)
    days = _days_of_acts(con, as_of)
    now = predict(counts, days, 0)
    inflation = spread(counts, days)
    cells = con.sql(EVERY_CELL).pl().join(now, on=CELL, how="left")
    has_forecast = pl.col("platform").is_in([platform for platform, n_days in days.items() if lookback(n_days, 0) >= 1])
    figures = ("n_members", "recently_active_people", "newcomer_people", "expected_people", "variance")
    cells = cells.with_columns(pl.when(has_forecast).then(pl.col(name).fill_null(0)).alias(name) for name in figures)
    width = Z * ((pl.col("variance") + 1) * (inflation or 1)).sqrt()
    reasons = {platform: _missing(n_days, 0) for platform, n_days in days.items()}
    untested = pl.lit(None if inflation else "bounds hold chance alone: no earlier forecast to measure")
    made: pl.DataFrame = cells.select(
        pl.lit(as_of).alias("as_of"),
        *CELL,
        "n_members",
        "recently_active_people",
        "newcomer_people",
        "expected_people",
        pl.when(has_forecast)
        .then(pl.max_horizontal(pl.col("expected_people") - width, 0.0))
        .alias("expected_people_lo"),
        (pl.col("expected_people") + width).alias("expected_people_hi"),
        pl.when(has_forecast)
        .then(untested)
        .otherwise(pl.col("platform").replace_strict(reasons, return_dtype=pl.String))
        .alias("forecast_reason"),
    )
    return made


def predict(counts: pl.DataFrame, days: Days, period: int) -> pl.DataFrame:
    """Forecast each cell as it would have been done `period` periods ago: expected people, and the variance of that."""
    learnt = {platform: learn(counts, platform, n_days, period) for platform, n_days in days.items()}
    able = {platform: found for platform, found in learnt.items() if found}
    n_back = {platform: lookback(days[platform], period) for platform in able}
    before = summed(counts, able, n_back, period + 1)
    now = summed(counts, able, n_back, period).drop("came_people", "newcomer_people")
    joined = before.drop("n_members", "recently_active_people").join(
        now, on=CELL, how="full", coalesce=True, suffix="_now"
    )
    joined = joined.with_columns(pl.selectors.numeric().fill_null(0)).sort(CELL)
    ratio, doubt = factor(*(joined[name].to_numpy() for name in ("came_people", "expected", "variance")))
    expected = joined["expected_now"].to_numpy()
    newcomers = joined["newcomer_people"].to_numpy()
    return joined.select(
        *CELL,
        "n_members",
        "recently_active_people",
        "newcomer_people",
        pl.Series("expected_people", ratio * expected + newcomers),
        pl.Series("variance", ratio * joined["variance_now"].to_numpy() + expected**2 * doubt + 2 * newcomers),
    )


def summed(counts: pl.DataFrame, learnt: dict[str, Calibration], n_back: Days, period: int) -> pl.DataFrame:
    """Sum a period's counts per cell: expected by score, its variance, who came of those, and who came new."""
    found = []
    for platform, calibration in learnt.items():
        part = counts.filter((pl.col("platform") == platform) & (pl.col("period_no") == period))
        block = calibration.block(part["score_bin"].fill_null(0).to_numpy())
        found.append(
            part.with_columns(
                (pl.col("n_quiet") < n_back[platform]).fill_null(False).alias("is_known"),
                pl.Series("block", block),
                pl.Series("q", calibration.probability[block]),
                pl.Series("n_pairs", calibration.n_pairs[block]),
            )
        )
    known = pl.col("is_known")
    people, squared = pl.col("people").filter(known).sum(), pl.col("people_squared").filter(known).sum()
    q, n_pairs = pl.col("q").first(), pl.col("n_pairs").first()
    blocks = (
        pl.concat(found or [_nothing(counts)])
        .group_by(*CELL, "block", maintain_order=True)
        .agg(
            pl.col("n_members").filter(known).sum(),
            (people * q).alias("expected"),
            (people * q - squared * q**2 + people**2 * q * (1 - q) / (n_pairs + 1)).alias("variance"),
            pl.col("people").filter(known & pl.col("came")).sum().alias("came_people"),
            pl.col("people").filter(~known & pl.col("came")).sum().alias("newcomer_people"),
            pl.col("people").filter(pl.col("n_quiet") == 0).sum().alias("recently_active_people"),
        )
    )
    return blocks.drop("block").group_by(*CELL, maintain_order=True).sum()


def _nothing(counts: pl.DataFrame) -> pl.DataFrame:
    columns = {"is_known": pl.Boolean, "block": pl.Int64, "q": pl.Float64, "n_pairs": pl.Float64}
    return counts.clear().with_columns(pl.lit(None, dtype=dtype).alias(name) for name, dtype in columns.items())


def factor(came: np.ndarray, expected: np.ndarray, variance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How much livelier each cell was than its scores said, and the variance of that.

    Shrunk to 1 by how much factors differ beyond chance (empirical Bayes, moments as DerSimonian and Laird 1986): a
    cell in which few were expected says little of itself.
    """
    seen = expected > 0
    if not seen.any():
        return np.ones(len(came)), np.zeros(len(came))
    between = ((came - expected)[seen] ** 2 - variance[seen]).sum() / (expected[seen] ** 2).sum()
    between = max(0.0, float(between))
    noise = np.divide(variance, expected**2, out=np.full(len(came), np.inf), where=seen)
    trust = np.divide(between, between + noise, out=np.zeros(len(came)), where=between + noise > 0)
    ratio = 1 + trust * np.divide(came - expected, expected, out=np.zeros(len(came)), where=seen)
    return ratio, between * (1 - trust)


def spread(counts: pl.DataFrame, days: Days) -> float | None:
    """How many times the variance, at least one, the forecast of a period ago was off; None where there was none.

    Mean squared z over cells with five people and more expected.
    """
    earlier = {platform: n_days for platform, n_days in days.items() if lookback(n_days, 1) >= 1}
    forecast = predict(counts, earlier, 1).filter(pl.col("expected_people") >= 5)
    came = counts.filter((pl.col("period_no") == 1) & pl.col("came")).group_by(*CELL).agg(pl.col("people").sum())
    both = forecast.join(came, on=CELL, how="left").with_columns(pl.col("people").fill_null(0))
    if both.is_empty():
        return None
    off = (both["people"] - both["expected_people"]).to_numpy() ** 2 / (both["variance"].to_numpy() + 1)
    return max(1.0, float(off.mean()))
