"""How many of whom an account reaches live elsewhere: the visitor share, its interval, what it means for the account.

About half of all people say where they live in words that can be placed. The share is that among them, as if the others
were like them (missing at random); `visitor_share_least` and `visitor_share_most` are the bounds that need no such
belief: nobody of the others is a visitor, everybody is.

The interval carries three doubts. Who told is a sample of all whom the account reaches, with its finite-population
factor. Who belongs to the segment is known by probability only. And a place may be misread: a reading is right with its
rule's confidence, counted by hand; those misread are taken to be like the others, so that each side of the share is
weighted by its confidence. With P = Σp, V = Σp(1 - p), f the share that told and c the mean confidence, the variance of
the share s is

    s (1 - s) [V + (P - V) (1/f + 1 - 2c)] / P²  +  (s (1 - s))² (var log c_visitors + var log c_home)

The first term sums two independent errors, that of the people who told, Σp²/(f P²), and that of the segment's true
share about its expectation, less twice what they have in common. The bounds of that part are Wilson's (1927,
doi 10.1080/01621459.1927.10502953) for the number of people that has this variance, so that they hold near 0 and 1.
"""

import math
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipelines.marts import Inputs
from pipelines.reference.files import read_bands
from pipelines.reference.gazetteer import HOME, UNKNOWN

TABLE = "mart.visitor_reach"
READS = (
    "mart.reach_home",
    "mart.place_reading",
    "mart.segment_reach",
    "ref.account_audience",
    "ref.gazetteer",
    "ref.place_rule",
)

Floats = NDArray[np.float64]

Z = 1.959963984540054
KEY = ("segment_id", "platform", "account_id", "basis")
AS_INTENDED, CANNOT_TELL = "as intended", "cannot tell"
FEW_LOCALS = "fewer locals than a local account needs"
FEW_VISITORS = "fewer visitors than a visitors' account needs"
FOR_ANYONE, NOT_SAID = "for anyone", "nobody has said whom it is for"
NOBODY, NOBODY_TOLD = "it reaches nobody", "nobody it reaches says where they live"
NO_HOME = "home is not known: neither place.csv nor home_area.geojson says where it is"

# Fractions are added as decimals: whatever the order, two nights give the same last digit.
REACHED = """
    WITH bands AS (
        SELECT
            segment_id, platform, account_id, basis, home_band,
            CAST(people AS DECIMAL(18, 6)) AS people,
            CAST(people_variance AS DECIMAL(18, 6)) AS people_variance
        FROM mart.reach_home
    )
    SELECT
        segment_id, platform, account_id, basis,
        CAST(sum(people) AS DOUBLE) AS reach_people,
        CAST(sum(people_variance) AS DOUBLE) AS people_variance,
        coalesce(CAST(sum(people) FILTER (WHERE home_band = $home) AS DOUBLE), 0) AS home_people,
        coalesce(CAST(sum(people) FILTER (WHERE home_band = $unknown) AS DOUBLE), 0) AS unknown_people,
        coalesce(CAST(sum(people) FILTER (WHERE home_band NOT IN ($home, $unknown)) AS DOUBLE), 0) AS visitor_people
    FROM bands GROUP BY ALL
"""
# How sure the readings of a side are: its rules' confidence, and the error of that, weighted by people.
READINGS = """
    WITH sides AS (
        SELECT
            reading.segment_id, reading.platform, reading.home_band = $home AS is_home, reading.place_confidence,
            reading.place_confidence * (1 - reading.place_confidence) / (rule.n_checked + 2) AS rule_variance,
            CAST(sum(CAST(reading.people AS DECIMAL(18, 6))) AS DOUBLE) AS people
        FROM mart.place_reading AS reading
        INNER JOIN ref.place_rule AS rule USING (place_rule_id)
        WHERE reading.home_band <> $unknown AND reading.place_confidence IS NOT NULL
        GROUP BY ALL
    ),
    summed AS (
        SELECT
            segment_id, platform, is_home,
            CAST(sum(CAST(people AS DECIMAL(18, 6))) AS DOUBLE) AS side_people,
            CAST(sum(CAST(people * place_confidence AS DECIMAL(38, 12))) AS DOUBLE) / side_people AS confidence,
            CAST(sum(CAST(people * people * rule_variance AS DECIMAL(38, 12))) AS DOUBLE) / (side_people * side_people)
                AS variance
        FROM sides GROUP BY ALL
    )
    SELECT
        segment_id, platform,
        max(confidence) FILTER (WHERE is_home) AS home_confidence,
        max(confidence) FILTER (WHERE NOT is_home) AS visitor_confidence,
        coalesce(sum(variance / (confidence * confidence)), 0) AS log_variance
    FROM summed GROUP BY ALL
"""


@dataclass(frozen=True)
class Told:
    """People an account reaches, arrays of shape (rows,): by where they live, and how sure that is."""

    home: Floats
    visitor: Floats
    unknown: Floats
    variance: Floats
    home_confidence: Floats
    visitor_confidence: Floats
    log_variance: Floats


def visitor_share(told: Told) -> tuple[Floats, Floats, Floats]:
    """Estimate the visitor share with its 95 % bounds; not a number where nobody told."""
    sure_home, sure_visitor = told.home * told.home_confidence, told.visitor * told.visitor_confidence
    known, reached = told.home + told.visitor, told.home + told.visitor + told.unknown
    with np.errstate(invalid="ignore", divide="ignore"):
        share = sure_visitor / (sure_home + sure_visitor)
        confidence = (sure_home + sure_visitor) / known
        squares = np.maximum(reached - told.variance, 0)
        spread = (told.variance + squares * (reached / known + 1 - 2 * confidence)) / reached**2
        lo, hi = _wilson(share, np.maximum(spread, 0))
        misread = Z * share * (1 - share) * np.sqrt(told.log_variance)
        lo, hi = share - np.hypot(share - lo, misread), share + np.hypot(hi - share, misread)
    return share, np.clip(lo, 0, 1), np.clip(hi, 0, 1)


def _wilson(share: Floats, spread: Floats) -> tuple[Floats, Floats]:
    """Wilson's bounds for a share whose variance is share (1 - share) spread: 1 / spread people, however many."""
    squared = Z**2 * spread
    centre = (share + squared / 2) / (1 + squared)
    half = Z / (1 + squared) * np.sqrt(share * (1 - share) * spread + squared * spread / 4)
    return np.minimum(centre - half, share), np.maximum(centre + half, share)


def make(inputs: Inputs) -> pl.DataFrame:
    """Make `mart.visitor_reach` from `mart.reach_home`, `mart.place_reading` and the accounts' audiences.

    One row per cell of `mart.segment_reach`; where nothing is known, no figure but the reason.
    """
    con, settings, as_of = inputs.con, inputs.settings, inputs.as_of
    words = {"home": HOME, "unknown": UNKNOWN}
    cells = con.sql(
        f"SELECT {', '.join(KEY)}, reach_people IS NULL AS is_unmeasured, reach_reason FROM mart.segment_reach"
    ).pl()
    rows = (
        cells.join(con.sql(REACHED, params=words).pl(), on=KEY, how="left")
        .join(con.sql(READINGS, params=words).pl(), on=["segment_id", "platform"], how="left")
        .join(con.sql("SELECT platform, account_id, audience FROM ref.account_audience").pl(), on=KEY[1:3], how="left")
    )
    counted = con.execute("SELECT count(*) FROM ref.gazetteer WHERE home_band <> $unknown", {"unknown": UNKNOWN})
    has_home = counted.fetchall() != [(0,)]
    return _answered(_estimated(rows), read_bands(settings), as_of, has_home=has_home)


def _estimated(rows: pl.DataFrame) -> pl.DataFrame:
    """Add the share, its bounds, and the bounds that need no belief about those who did not tell."""
    rows = rows.with_columns(
        pl.when("is_unmeasured").then(None).otherwise(pl.col(name).fill_null(0.0)).alias(name)
        for name in ("reach_people", "people_variance", "home_people", "visitor_people", "unknown_people")
    )
    told = Told(
        home=_floats(rows, "home_people", math.nan),
        visitor=_floats(rows, "visitor_people", math.nan),
        unknown=_floats(rows, "unknown_people", math.nan),
        variance=_floats(rows, "people_variance", math.nan),
        home_confidence=_floats(rows, "home_confidence", 1.0),
        visitor_confidence=_floats(rows, "visitor_confidence", 1.0),
        log_variance=_floats(rows, "log_variance", 0.0),
    )
    names = ("visitor_share", "visitor_share_lo", "visitor_share_hi")
    figures = [pl.Series(name, one) for name, one in zip(names, visitor_share(told), strict=True)]
    reached = pl.when(pl.col("reach_people") > 0).then("reach_people")
    return rows.with_columns(figures).with_columns(
        *(pl.col(name).fill_nan(None) for name in names),
        visitor_share_least=pl.col("visitor_people") / reached,
        visitor_share_most=(pl.col("visitor_people") + pl.col("unknown_people")) / reached,
    )


def _floats(rows: pl.DataFrame, name: str, missing: float) -> Floats:
    found: Floats = rows[name].cast(pl.Float64).fill_null(missing).to_numpy()
    return found


def _answered(rows: pl.DataFrame, bands: dict[str, float], as_of: date, *, has_home: bool) -> pl.DataFrame:
    """Add what the share means for the account, judged on everyone it reaches, or why there is none."""
    is_known = pl.col("visitor_share").is_not_null()
    locals_lo, locals_hi = 1 - pl.col("visitor_share_hi"), 1 - pl.col("visitor_share_lo")
    least = {"local": bands["local_share_at_least"], "visitors": bands["visitors_share_at_least"]}

    def reading(audience: str, lo: pl.Expr, hi: pl.Expr, few: str) -> pl.Expr:
        found = pl.when(lo >= least[audience]).then(pl.lit(AS_INTENDED)).when(hi < least[audience]).then(pl.lit(few))
        return found.otherwise(pl.lit(CANNOT_TELL))

    said = (
        pl.when(pl.col("segment_id") != "everyone")
        .then(None)
        .when(pl.col("audience").is_null())
        .then(pl.lit(NOT_SAID))
        .when(pl.col("audience") == "anyone")
        .then(pl.lit(FOR_ANYONE))
        .when(~is_known)
        .then(pl.lit(CANNOT_TELL))
        .when(pl.col("audience") == "local")
        .then(reading("local", locals_lo, locals_hi, FEW_LOCALS))
        .otherwise(reading("visitors", pl.col("visitor_share_lo"), pl.col("visitor_share_hi"), FEW_VISITORS))
    )
    reason = (
        pl.when("is_unmeasured")
        .then("reach_reason")
        .when(is_known)
        .then(None)
        .when(pl.col("reach_people") == 0)
        .then(pl.lit(NOBODY))
        .otherwise(pl.lit(NOBODY_TOLD if has_home else NO_HOME))
    )
    return rows.select(
        pl.lit(as_of).alias("as_of"),
        *KEY,
        "reach_people",
        "home_people",
        "visitor_people",
        "unknown_people",
        "visitor_share",
        "visitor_share_lo",
        "visitor_share_hi",
        "visitor_share_least",
        "visitor_share_most",
        "audience",
        said.alias("visitor_reading"),
        reason.alias("visitor_reason"),
    ).sort(KEY)
