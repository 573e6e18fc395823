"""Make `mart.interaction_quality`: applause, conversation, amplification and tone, by whom, with intervals.

Counts come from `mart.interaction_count`, people reached from `mart.segment_reach`, the labeller's errors from
tone.yml. What the extracts do not hold is missing with its reason, never 0.
"""

import numpy as np
import polars as pl

from pipelines.common.contract import contracts
from pipelines.marts import Inputs
from pipelines.reach import misclassification
from pipelines.reference.files import read_bands
from pipelines.reference.text_rules import Labeller, read_labeller

TABLE = "mart.interaction_quality"
READS = (
    "core.account",
    "core.engagement",
    "core.post",
    "mart.account_scorecard",
    "mart.interaction_count",
    "mart.segment_reach",
    "ref.segment",
)

# Every group of every open account of ours, those without one act in the extracts among them.
GROUPS = """
    WITH segments AS (
        SELECT segment_id FROM ref.segment
        UNION ALL
        SELECT 'everyone'
    ), by_whoms (by_whom, of_everyone) AS (
        VALUES ('segment', false), ('other followers', false), ('passers-by', false),
            ('followers', true), ('passers-by', true)
    ), reached AS (
        SELECT segment_id, platform, account_id,
            max(CASE WHEN basis = 'follower' THEN reach_people END) AS followers,
            max(CASE WHEN basis = 'active' THEN reach_people END) AS active_people
        FROM mart.segment_reach
        GROUP BY ALL
    )
    SELECT segments.segment_id, account.platform, account.account_id, by_whoms.by_whom,
        scorecard.n_posts, count_.* EXCLUDE (as_of, segment_id, platform, account_id, by_whom),
        reached.followers AS segment_followers, reached.active_people AS segment_active,
        everyone.followers AS all_followers, everyone.active_people AS all_active,
        max(CASE WHEN by_whoms.by_whom = 'passers-by' THEN count_.engaged_people END)
            OVER (PARTITION BY segments.segment_id, account.platform, account.account_id) AS passing_people
    FROM core.account
    CROSS JOIN segments
    INNER JOIN by_whoms ON (segments.segment_id = 'everyone') = by_whoms.of_everyone
    LEFT JOIN mart.account_scorecard AS scorecard USING (platform, account_id)
    LEFT JOIN mart.interaction_count AS count_ USING (segment_id, platform, account_id, by_whom)
    LEFT JOIN reached USING (segment_id, platform, account_id)
    LEFT JOIN reached AS everyone
        ON everyone.segment_id = 'everyone' AND account.platform = everyone.platform
        AND account.account_id = everyone.account_id
    WHERE account.role = 'own' AND account.is_open
    ORDER BY ALL
"""

# Of each account's posts of the last 90 days, whatever the platform counted: how much of it the extracts hold.
COLLECTED = """
    WITH acts AS (
        SELECT platform, account_id, post_id, kind, count(*) AS n_acts FROM core.engagement
        GROUP BY ALL
    ), counted AS (
        SELECT platform, account_id, post_id, unnest(['like', 'reply', 'repost', 'quote']) AS kind,
            unnest([likes, replies, reposts, quotes]) AS n_counted
        FROM core.post
        WHERE CAST(posted_at AS DATE) > $as_of - INTERVAL 90 DAY AND CAST(posted_at AS DATE) <= $as_of
    )
    SELECT counted.platform, counted.account_id, sum(n_counted) AS n_collectable,
        sum(coalesce(n_acts, 0)) / nullif(sum(n_counted), 0) AS collected_share
    FROM counted
    LEFT JOIN acts USING (platform, account_id, post_id, kind)
    WHERE n_counted IS NOT NULL
    GROUP BY ALL
"""

PER_POST = ("applause", "conversation", "amplification")


def make(inputs: Inputs) -> pl.DataFrame:
    """Make the rows of `mart.interaction_quality`.

    Raises `RefError` where tone.yml or bands.yml is not usable.
    """
    con, settings, as_of = inputs.con, inputs.settings, inputs.as_of
    bands, labeller = read_bands(settings), read_labeller(settings)
    rows = con.sql(GROUPS).pl()
    collected = con.sql(COLLECTED, params={"as_of": as_of}).pl()
    rows = rows.join(collected, on=["platform", "account_id"], how="left")
    # Where nobody collected acts, none of them are missing from a collection.
    rows = rows.with_columns(
        pl.when(pl.col("engaged_people").is_not_null()).then(pl.col(name)).alias(name)
        for name in ("n_collectable", "collected_share")
    )
    rows = _with_rates(_with_people(rows))
    rows = _with_tone(rows, labeller, int(bands["texts_at_least"]))
    rows = rows.with_columns(
        pl.lit(as_of).alias("as_of"),
        _reason(int(bands["texts_at_least"]), bands["acts_collected_at_least"], _works(labeller)).alias(
            "quality_reason"
        ),
        n_acts=pl.sum_horizontal("n_applause", "n_conversation", "n_amplification", "n_mentions", ignore_nulls=False),
    )
    rows = rows.with_columns(
        likely_automated_share=_per("n_likely_automated", "n_acts"), substantive_share=_per("n_substantive", "n_texts")
    )
    table = contracts("mart")["interaction_quality"]
    whole = [column.name for column in table.columns if column.type == "BIGINT"]
    return rows.with_columns(pl.col(name).cast(pl.Float64).round() for name in whole).select(table.column_names)


def labelled_sample(labeller: Labeller) -> misclassification.LabelledSample:
    """The labeller's counts as the correction takes them."""
    return misclassification.LabelledSample(
        labeller.true_positives, labeller.false_negatives, labeller.false_positives, labeller.true_negatives
    )


def _works(labeller: Labeller) -> bool:
    return misclassification.is_better_than_chance(labelled_sample(labeller))


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
    bounds = np.full((3, rows.height), np.nan)
    for kind in np.unique(alike):
        here = alike == kind
        found = misclassification.shrunk_rate(np.nan_to_num(engaged[here]), np.nan_to_num(thousands[here]))
        bounds[:, here] = found.estimate, found.lo, found.hi
    names = ("engaged_per_1000_active", "engaged_per_1000_active_lo", "engaged_per_1000_active_hi")
    return rows.with_columns(pl.Series(name, values).fill_nan(None) for name, values in zip(names, bounds, strict=True))


def _with_tone(rows: pl.DataFrame, labeller: Labeller, texts_at_least: int) -> pl.DataFrame:
    """Add the corrected share of hostile texts and what is known of the labeller."""
    hostile, judged, squares, products, hostile_squares = (
        _floats(rows, name)
        for name in ("n_hostile", "n_judged", "judged_squares", "judged_hostile_products", "hostile_squares")
    )
    effect = misclassification.design_effect(hostile, judged, squares, products, hostile_squares)
    found = misclassification.corrected_share(
        np.nan_to_num(hostile), np.nan_to_num(judged), effect, labelled_sample(labeller)
    )
    shown = (np.nan_to_num(judged) >= texts_at_least) & _works(labeller)
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
        .then(pl.lit("no engagement extract"))
        .when(pl.col("n_worded") <= 0)
        .then(pl.lit("nobody of the group wrote"))
        .when(pl.col("n_texts") <= 0)
        .then(pl.lit("no text in the extract"))
        .when(not works)
        .then(pl.lit("tone.yml does not show that the labeller beats chance"))
        .when(pl.col("n_judged") < texts_at_least)
        .then(pl.lit(f"under {texts_at_least} texts"))
        .when(pl.col("n_posts").is_null())
        .then(pl.lit("no extract of posts: no rate per post"))
        .when(pl.col("collected_share") < collected_at_least)
        .then(pl.lit("acts collected in part: counts and rates are lower bounds"))
    )


def _floats(rows: pl.DataFrame, name: str) -> misclassification.Numbers:
    values: misclassification.Numbers = rows[name].cast(pl.Float64).fill_null(float("nan")).to_numpy()
    return values
