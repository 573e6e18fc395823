"""`mart.moderation_load`: what people write to an account in a week, and how much of it is hostile.

Somebody has to read it, whether the extract holds the words or not. `core.moderation_week` has the counts; here the
labeller's measured errors correct the hostile ones. Figures per day go by the days that the extracts hold.
"""

import numpy as np
import polars as pl

from pipelines.common.contract import contracts
from pipelines.marts import Inputs
from pipelines.reach import misclassification
from pipelines.reach.misclassification import TextSums

TABLE = "mart.moderation_load"
READS = ("core.moderation_week", "meta.freshness")


def make(inputs: Inputs) -> pl.DataFrame:
    """Make a row per week and open account of ours.

    Texts that cannot be judged are taken to be as hostile as the others of the week. Raises `RefError` where tone.yml
    is not usable.
    """
    rows = _covered(inputs)
    sample = misclassification.labelled_sample(inputs.labeller)
    found = misclassification.hostile_share(TextSums.of(rows), sample)
    works = misclassification.is_better_than_chance(sample)
    n_worded, n_texts, n_judged = (
        rows[name].cast(pl.Float64).to_numpy() for name in ("n_worded", "n_texts", "n_judged")
    )
    # A week without anything to read has nothing hostile either; one whose texts nobody delivered may have.
    otherwise = np.where(n_worded == 0, 0.0, np.nan)
    shown = (n_judged > 0) & works
    shares = {"hostile_texts": found.estimate, "hostile_texts_lo": found.lo, "hostile_texts_hi": found.hi}
    rows = rows.with_columns(
        pl.Series(name, np.where(shown, share * n_texts, otherwise)).fill_nan(None) for name, share in shares.items()
    ).with_columns(
        pl.lit(inputs.as_of).alias("as_of"),
        worded_per_day=pl.col("n_worded").cast(pl.Float64) / pl.col("n_days"),
        hostile_texts_per_day=pl.col("hostile_texts") / pl.col("n_days"),
        quality_reason=_reason(works),
    )
    made: pl.DataFrame = rows.select(contracts("mart")["moderation_load"].column_names)
    return made


def _covered(inputs: Inputs) -> pl.DataFrame:
    """Read the weeks, up to the day that a late extract of an account's interactions ends on."""
    freshness = inputs.read("meta.freshness", "platform", "account_id", "kind", "extract_on", "freshness_status")
    late = freshness.filter(pl.col("freshness_status").is_in(["late", "missing"]), kind="engagement")
    n_covered = (pl.col("extract_on") - pl.col("week_on")).dt.total_days() + 1
    return (
        inputs.read("core.moderation_week")
        .join(late.select("platform", "account_id", "extract_on"), ["platform", "account_id"], "left")
        .filter(pl.col("extract_on").is_null() | (pl.col("week_on") <= pl.col("extract_on")))
        .with_columns(n_days=pl.min_horizontal("n_days", n_covered))
        .drop("extract_on")
    )


def _reason(works: bool) -> pl.Expr:
    return (
        pl.when(pl.col("n_worded") == 0)
        .then(None)
        .when(pl.col("n_texts") == 0)
        .then(pl.lit("no text in the extract"))
        .when(not works)
        .then(pl.lit("tone.yml does not show that the labeller beats chance"))
        .when(pl.col("n_judged") == 0)
        .then(pl.lit("no text in words that the labeller knows"))
    )
