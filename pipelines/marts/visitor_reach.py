"""`mart.visitor_reach`: how many of whom an account reaches live elsewhere, and what that means for the account.

`pipelines.reach.visitor_share` estimates the share and says how. `visitor_share_least` and `visitor_share_most` are the
bounds that need no belief about those who do not say where they live: none of them is a visitor, all are.
"""

import math
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipelines.marts import Inputs
from pipelines.reach.visitor_share import Homes, visitor_share
from pipelines.reference.gazetteer import HOME, UNKNOWN

TABLE = "mart.visitor_reach"
READS = (
    "mart.place_reading",
    "mart.reach_home",
    "mart.segment_reach",
    "ref.account_audience",
    "ref.gazetteer",
    "ref.place_rule",
)
KEY = ("segment_id", "platform", "account_id", "basis")
PEOPLE = ("reach_people", "people_variance", "home_people", "visitor_people", "unknown_people")
AS_INTENDED, CANNOT_TELL = "as intended", "cannot tell"
FEW_LOCALS = "fewer locals than a local account needs"
FEW_VISITORS = "fewer visitors than a visitors' account needs"
FOR_ANYONE, NOT_SAID = "for anyone", "nobody has said whom it is for"
NOBODY, NOBODY_TOLD = "it reaches nobody", "nobody it reaches says where they live"
NO_HOME = "home is not known: neither place.csv nor home_area.geojson says where it is"


@dataclass(frozen=True)
class Purpose:
    """What an account for one audience needs: a share of at least so much, between `lo` and `hi` in the data."""

    audience: str
    least: float
    lo: pl.Expr
    hi: pl.Expr
    too_few: str

    def reading(self) -> pl.Expr:
        """Compare the interval with what is needed."""
        met = pl.when(self.lo >= self.least).then(pl.lit(AS_INTENDED))
        return met.when(self.hi < self.least).then(pl.lit(self.too_few)).otherwise(pl.lit(CANNOT_TELL))


def make(inputs: Inputs) -> pl.DataFrame:
    """Make a row per cell of `mart.segment_reach`; where nothing is known, no figure but the reason.

    Raises `RefError` where bands.yml is not usable.
    """
    cells = inputs.read("mart.segment_reach", *KEY, "reach_people", "reach_reason").select(
        *KEY, "reach_reason", is_unmeasured=pl.col("reach_people").is_null()
    )
    readings = _readings(inputs.read("mart.place_reading"), inputs.read("ref.place_rule"))
    rows = (
        cells.join(_reached(inputs.read("mart.reach_home")), on=KEY, how="left")
        .join(readings, on=["segment_id", "platform"], how="left")
        .join(inputs.read("ref.account_audience").drop("reason"), on=["platform", "account_id"], how="left")
    )
    has_home = not inputs.read("ref.gazetteer", "home_band").filter(pl.col("home_band") != UNKNOWN).is_empty()
    return (
        _estimated(rows)
        .select(
            pl.lit(inputs.as_of).alias("as_of"),
            *KEY,
            "reach_people",
            *PEOPLE[2:],
            "visitor_share",
            "visitor_share_lo",
            "visitor_share_hi",
            "visitor_share_least",
            "visitor_share_most",
            "audience",
            _reading(_purposes(inputs)).alias("visitor_reading"),
            _reason(NOBODY_TOLD if has_home else NO_HOME).alias("visitor_reason"),
        )
        .sort(KEY)
    )


def _reached(home: pl.DataFrame) -> pl.DataFrame:
    """Sum each account's people of `mart.reach_home` by where they live."""
    band = pl.col("home_band")
    people = {"home_people": band == HOME, "unknown_people": band == UNKNOWN}
    people["visitor_people"] = ~(people["home_people"] | people["unknown_people"])
    return home.group_by(KEY).agg(
        _sum(pl.col("people"), 6).alias("reach_people"),
        _sum(pl.col("people_variance"), 6).alias("people_variance"),
        *(_sum(pl.col("people").filter(where), 6).alias(name) for name, where in people.items()),
    )


def _readings(reading: pl.DataFrame, rule: pl.DataFrame) -> pl.DataFrame:
    """Give the confidence in the places of each side: that of the rules and its error, weighted by people."""
    place = ["segment_id", "platform", "is_home"]
    by_rule = (
        reading.filter((pl.col("home_band") != UNKNOWN) & pl.col("place_confidence").is_not_null())
        .join(rule.select("place_rule_id", "n_checked"), on="place_rule_id")
        .with_columns(
            is_home=pl.col("home_band") == HOME,
            # The variance of a confidence that was counted by hand on so many readings.
            rule_variance=pl.col("place_confidence") * (1 - pl.col("place_confidence")) / (pl.col("n_checked") + 2),
        )
        .group_by(*place, "place_confidence", "rule_variance")
        .agg(_sum(pl.col("people"), 6).alias("people"))
    )
    people = pl.col("people")
    sides = by_rule.group_by(place).agg(
        (_sum(people * pl.col("place_confidence"), 12) / _sum(people, 6)).alias("confidence"),
        (_sum(people * people * pl.col("rule_variance"), 12) / (_sum(people, 6) * _sum(people, 6))).alias("variance"),
    )
    confidence = pl.col("confidence")
    return (
        sides.sort(place)
        .group_by("segment_id", "platform", maintain_order=True)
        .agg(
            confidence.filter("is_home").max().alias("home_confidence"),
            confidence.filter(~pl.col("is_home")).max().alias("visitor_confidence"),
            (pl.col("variance") / (confidence * confidence)).sum().alias("log_variance"),
        )
    )


def _sum(values: pl.Expr, digits: int) -> pl.Expr:
    """Sum as whole numbers of the last digit: whatever the order of rows, two nights give the same figure."""
    return (values * 10.0**digits).round().cast(pl.Int128).sum().cast(pl.Float64) / 10.0**digits


def _estimated(rows: pl.DataFrame) -> pl.DataFrame:
    """Add the share, its bounds, and the bounds that assume nothing about those who gave no place."""
    rows = rows.with_columns(
        pl.when("is_unmeasured").then(None).otherwise(pl.col(name).fill_null(0.0)).alias(name) for name in PEOPLE
    )
    homes = Homes(
        home=_floats(rows, "home_people", math.nan),
        visitor=_floats(rows, "visitor_people", math.nan),
        unknown=_floats(rows, "unknown_people", math.nan),
        variance=_floats(rows, "people_variance", math.nan),
        home_confidence=_floats(rows, "home_confidence", 1.0),
        visitor_confidence=_floats(rows, "visitor_confidence", 1.0),
        log_variance=_floats(rows, "log_variance", 0.0),
    )
    names = ("visitor_share", "visitor_share_lo", "visitor_share_hi")
    figures = [pl.Series(name, one) for name, one in zip(names, visitor_share(homes), strict=True)]
    reached = pl.when(pl.col("reach_people") > 0).then("reach_people")
    return rows.with_columns(figures).with_columns(
        *(pl.col(name).fill_nan(None) for name in names),
        visitor_share_least=pl.col("visitor_people") / reached,
        visitor_share_most=(pl.col("visitor_people") + pl.col("unknown_people")) / reached,
    )


def _floats(rows: pl.DataFrame, name: str, missing: float) -> NDArray[np.float64]:
    found: NDArray[np.float64] = rows[name].cast(pl.Float64).fill_null(missing).to_numpy()
    return found


def _purposes(inputs: Inputs) -> tuple[Purpose, Purpose]:
    """State what an account for locals and one for visitors need."""
    lo, hi = pl.col("visitor_share_lo"), pl.col("visitor_share_hi")
    return (
        Purpose("local", inputs.bands["local_share_at_least"], 1 - hi, 1 - lo, FEW_LOCALS),
        Purpose("visitors", inputs.bands["visitors_share_at_least"], lo, hi, FEW_VISITORS),
    )


def _reading(purposes: tuple[Purpose, Purpose]) -> pl.Expr:
    """Say what the share of everyone an account reaches means for whom it is meant for."""
    audience = pl.col("audience")
    reading = (
        pl.when(pl.col("segment_id") != "everyone")
        .then(None)
        .when(audience.is_null())
        .then(pl.lit(NOT_SAID))
        .when(audience == "anyone")
        .then(pl.lit(FOR_ANYONE))
        .when(pl.col("visitor_share").is_null())
        .then(pl.lit(CANNOT_TELL))
    )
    local, visitors = purposes
    return reading.when(audience == local.audience).then(local.reading()).otherwise(visitors.reading())


def _reason(nobody_told: str) -> pl.Expr:
    """Say why there is no share."""
    return (
        pl.when("is_unmeasured")
        .then("reach_reason")
        .when(pl.col("visitor_share").is_not_null())
        .then(None)
        .when(pl.col("reach_people") == 0)
        .then(pl.lit(NOBODY))
        .otherwise(pl.lit(nobody_told))
    )
