"""Make `mart.interaction_quality`: applause, conversation, amplification and tone, by whom, with intervals.

Counts come from `core.interaction_count`, people reached from `mart.segment_reach`, the labeller's errors from
tone.yml. What the extracts do not hold is missing with its reason, never 0.
"""

import numpy as np
import polars as pl

from pipelines.common.contract import contracts
from pipelines.marts import Inputs
from pipelines.reach import misclassification
from pipelines.reach.misclassification import TextSums
from pipelines.reference.text_rules import Labeller

TABLE = "mart.interaction_quality"
READS = (
    "core.collected_engagement",
    "core.own_account",
    "mart.account_scorecard",
    "core.interaction_count",
    "mart.segment_reach",
    "meta.freshness",
    "ref.segment",
)
EVERYONE = "everyone"
OF_SEGMENT = ("segment", "other followers", "passers-by")
OF_EVERYONE = ("followers", "passers-by")
ACCOUNT = ("platform", "account_id")
CELL = ("segment_id", *ACCOUNT)

PER_POST = ("applause", "conversation", "amplification")


def make(inputs: Inputs) -> pl.DataFrame:
    """Make a row per segment, everyone included, open account of ours and group of people.

    Raises `RefError` where tone.yml or bands.yml is not usable.
    """
    labeller, texts_at_least = inputs.labeller, int(inputs.bands["texts_at_least"])
    works = misclassification.is_better_than_chance(misclassification.labelled_sample(labeller))
    rows = _with_collected(_groups(inputs), inputs.read("core.collected_engagement"))
    rows = _with_tone(_with_rates(_with_people(rows)), labeller, texts_at_least)
    rows = rows.with_columns(
        pl.lit(inputs.as_of).alias("as_of"),
        _reason(texts_at_least, inputs.bands["acts_collected_at_least"], works).alias("quality_reason"),
        n_acts=pl.sum_horizontal("n_applause", "n_conversation", "n_amplification", "n_mentions", ignore_nulls=False),
    )
    rows = rows.with_columns(
        likely_automated_share=_per("n_likely_automated", "n_acts"), substantive_share=_per("n_substantive", "n_texts")
    )
    table = contracts("mart")["interaction_quality"]
    whole = [column.name for column in table.columns if column.type == "BIGINT"]
    return rows.with_columns(pl.col(name).cast(pl.Float64).round() for name in whole).select(table.column_names)


def _groups(inputs: Inputs) -> pl.DataFrame:
    """Give every group of every open account of ours with its counts, also those without one interaction.

    Where interactions are late, nobody knows how people respond now: such an account has no counts.
    """
    accounts = inputs.read("core.own_account", "platform", "account_id", "is_open").filter("is_open").drop("is_open")
    segments = [*inputs.read("ref.segment", "segment_id")["segment_id"], EVERYONE]
    groups = pl.DataFrame(
        [(one, group) for one in segments for group in (OF_EVERYONE if one == EVERYONE else OF_SEGMENT)],
        schema={"segment_id": pl.String, "by_whom": pl.String},
        orient="row",
    )
    posts = inputs.read("mart.account_scorecard", *ACCOUNT, "n_posts")
    reach = inputs.read("mart.segment_reach", *CELL, "basis", "reach_people")
    reached = reach.group_by(CELL).agg(
        pl.col("reach_people").filter(pl.col("basis") == "follower").max().alias("segment_followers"),
        pl.col("reach_people").filter(pl.col("basis") == "active").max().alias("segment_active"),
    )
    everyone = reached.filter(pl.col("segment_id") == EVERYONE).select(
        *ACCOUNT, all_followers="segment_followers", all_active="segment_active"
    )
    late = inputs.stale_accounts("engagement")
    late_posts = inputs.stale_accounts("post").rename({"stale_reason": "stale_posts_reason"})
    counts = inputs.read("core.interaction_count").drop("as_of").join(late, on=ACCOUNT, how="anti")
    passing = pl.col("engaged_people").filter(pl.col("by_whom") == "passers-by").max()
    return (
        accounts.join(groups, how="cross")
        .join(posts, on=ACCOUNT, how="left")
        .join(late, on=ACCOUNT, how="left")
        .join(late_posts, on=ACCOUNT, how="left")
        .join(counts, on=[*CELL, "by_whom"], how="left")
        .join(reached, on=CELL, how="left")
        .join(everyone, on=ACCOUNT, how="left")
        .with_columns(passing.over(CELL).alias("passing_people"))
        .sort(*CELL, "by_whom")
    )


def _with_collected(rows: pl.DataFrame, collected: pl.DataFrame) -> pl.DataFrame:
    """Add how much of what the platform counted was collected; where nothing was, nothing is missing from it."""
    return rows.join(collected, on=ACCOUNT, how="left", maintain_order="left").with_columns(
        pl.when(pl.col("engaged_people").is_not_null()).then(pl.col(name)).alias(name)
        for name in ("n_collectable", "collected_share")
    )


def _per(part: str, whole: str) -> pl.Expr:
    """A ratio that is missing where its denominator is 0."""
    return pl.when(pl.col(whole) > 0).then(pl.col(part) / pl.col(whole))


def _with_people(rows: pl.DataFrame) -> pl.DataFrame:
    """Add each group's followers and active people. Of passers-by nobody knows how many there are."""
    is_rest = pl.col("by_whom") == "other followers"
    is_known = pl.col("by_whom").is_in(["segment", "followers", "other followers"])
    followers = (
        pl.when(is_rest)
        .then(pl.col("all_followers") - pl.col("segment_followers"))
        .otherwise(pl.col("segment_followers"))
    )
    # Active people of an account are its followers who are there, and passers-by; these are a group of their own.
    active = (
        pl.when(is_rest)
        .then(pl.col("all_active") - pl.col("segment_active") - pl.col("passing_people"))
        .when(pl.col("by_whom") == "followers")
        .then(pl.col("all_active") - pl.col("passing_people"))
        .otherwise(pl.col("segment_active"))
    )
    return rows.with_columns(
        followers=pl.when(is_known).then(followers.clip(lower_bound=0)),
        active_people=pl.when(is_known).then(active.clip(lower_bound=0)),
    )


def _with_rates(rows: pl.DataFrame) -> pl.DataFrame:
    """Add rates per post, per 1,000 followers, and engaged people per 1,000 active people."""
    rows = rows.with_columns(_per(f"n_{name}", "n_posts").alias(name) for name in PER_POST)
    rows = rows.with_columns(
        pl.when(pl.col("followers") > 0)
        .then(1000 * pl.col(name) / pl.col("followers"))
        .alias(f"{name}_per_1000_followers")
        for name in PER_POST
    )
    alike = rows.select(pl.struct("platform", "segment_id", "by_whom").rank("dense")).to_series().to_numpy()
    engaged = _floats(rows, "engaged_people")
    thousands = np.where(np.isnan(engaged), np.nan, _floats(rows, "active_people") / 1000)
    bounds = np.full((3, rows.height), np.nan)  # estimate, lower, upper
    for kind in np.unique(alike):
        here = alike == kind
        found = misclassification.shrunk_rate(np.nan_to_num(engaged[here]), np.nan_to_num(thousands[here]))
        bounds[:, here] = found.estimate, found.lo, found.hi
    names = ("engaged_per_1000_active", "engaged_per_1000_active_lo", "engaged_per_1000_active_hi")
    return rows.with_columns(pl.Series(name, values).fill_nan(None) for name, values in zip(names, bounds, strict=True))


def _with_tone(rows: pl.DataFrame, labeller: Labeller, texts_at_least: int) -> pl.DataFrame:
    """Add the corrected share of hostile texts and what is known of the labeller."""
    sample = misclassification.labelled_sample(labeller)
    texts = TextSums.of(rows)
    found = misclassification.hostile_share(texts, sample)
    shown = (np.nan_to_num(texts.n_judged) >= texts_at_least) & misclassification.is_better_than_chance(sample)
    values = {"hostile_share": found.estimate, "hostile_share_lo": found.lo, "hostile_share_hi": found.hi}
    n_found = labeller.true_positives + labeller.false_positives
    return rows.with_columns(
        *(pl.Series(name, np.where(shown, value, np.nan)).fill_nan(None) for name, value in values.items()),
        pl.lit(labeller.true_positives / n_found if n_found else None, pl.Float64).alias("tone_precision"),
        pl.lit(labeller.true_positives / (labeller.true_positives + labeller.false_negatives)).alias("tone_recall"),
        pl.lit(n_found + labeller.false_negatives + labeller.true_negatives).alias("n_tone_labels"),
    )


def _reason(texts_at_least: int, collected_at_least: float, works: bool) -> pl.Expr:
    """Why a figure is missing, the gravest first; where all are there, why they are lower bounds."""
    return (
        pl.when(pl.col("engaged_people").is_null())
        .then(pl.coalesce("stale_reason", pl.lit("no engagement extract")))
        .when(pl.col("n_worded") <= 0)
        .then(pl.lit("nobody of the group wrote"))
        .when(pl.col("n_texts") <= 0)
        .then(pl.lit("no text in the extract"))
        .when(not works)
        .then(pl.lit("tone.yml does not show that the labeller beats chance"))
        .when(pl.col("n_judged") < texts_at_least)
        .then(pl.lit(f"under {texts_at_least} texts"))
        .when(pl.col("n_posts").is_null())
        .then(pl.coalesce("stale_posts_reason", pl.lit("no extract of posts: no rate per post")))
        .when(pl.col("collected_share") < collected_at_least)
        .then(pl.lit("acts collected in part: counts and rates are lower bounds"))
    )


def _floats(rows: pl.DataFrame, name: str) -> misclassification.Numbers:
    values: misclassification.Numbers = rows[name].cast(pl.Float64).fill_null(float("nan")).to_numpy()
    return values
