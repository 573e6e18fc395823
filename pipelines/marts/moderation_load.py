"""Make `mart.moderation_load`: what people write to an account in a week, and how much of it is hostile.

Somebody has to read it, whether the extract holds the words or not. Weeks begin on Monday; the first and the last one
may be short, and figures per day go by the days that the extracts hold.
"""

import numpy as np
import polars as pl

from pipelines.common.contract import contracts
from pipelines.marts import Inputs, interaction_quality
from pipelines.reach import misclassification
from pipelines.reference.files import read_bands
from pipelines.reference.text_rules import read_labeller

TABLE = "mart.moderation_load"
READS = (
    "core.account",
    "core.engagement",
)

# Thirteen weeks back at the most: a week without a text is 0 only from the account's first act to its platform's last.
WEEKS = """
    WITH acts AS (
        SELECT engagement.*, CAST(date_trunc('week', engagement.engaged_on) AS DATE) AS week_on
        FROM core.engagement
        INNER JOIN core.account USING (platform, account_id)
        WHERE account.role = 'own' AND account.is_open AND engagement.engaged_on <= $as_of
    ), ends AS (
        SELECT platform, max(engaged_on) AS last_on FROM acts GROUP BY platform
    ), spans AS (
        SELECT platform, account_id,
            greatest(min(engaged_on), CAST(date_trunc('week', $as_of) - INTERVAL 84 DAY AS DATE)) AS first_on
        FROM acts
        GROUP BY platform, account_id
    ), weeks AS (
        SELECT platform, account_id, first_on, last_on,
            CAST(unnest(generate_series(date_trunc('week', first_on), last_on, INTERVAL 7 DAY)) AS DATE) AS week_on
        FROM spans
        INNER JOIN ends USING (platform)
    ), busy AS (
        SELECT DISTINCT platform, member_key FROM acts
        WHERE engaged_at IS NOT NULL
        GROUP BY platform, member_key, CAST(engaged_at AS DATE)
        HAVING count(*) > $acts_a_day
    ), authors AS (
        SELECT acts.platform, acts.account_id, acts.week_on, acts.member_key, count(*) AS n_worded,
            count(acts.is_substantive) AS n_texts, count(acts.is_hostile) AS n_judged,
            count(*) FILTER (WHERE acts.is_hostile) AS n_hostile,
            count(*) FILTER (WHERE busy.member_key IS NOT NULL) AS n_likely_automated
        FROM acts
        LEFT JOIN busy USING (platform, member_key)
        WHERE acts.kind IN ('reply', 'quote', 'mention')
        GROUP BY ALL
    )
    SELECT weeks.platform, weeks.account_id, weeks.week_on,
        1 + date_diff('day', greatest(any_value(first_on), weeks.week_on),
            least(any_value(last_on), weeks.week_on + 6)) AS n_days,
        coalesce(sum(n_worded), 0) AS n_worded, coalesce(sum(n_texts), 0) AS n_texts,
        coalesce(sum(n_judged), 0) AS n_judged, coalesce(sum(n_hostile), 0) AS n_hostile,
        coalesce(sum(n_likely_automated), 0) AS n_likely_automated,
        coalesce(sum(n_judged * n_judged), 0) AS judged_squares,
        coalesce(sum(n_judged * n_hostile), 0) AS judged_hostile_products,
        coalesce(sum(n_hostile * n_hostile), 0) AS hostile_squares
    FROM weeks
    LEFT JOIN authors USING (platform, account_id, week_on)
    GROUP BY weeks.platform, weeks.account_id, weeks.week_on
    ORDER BY ALL
"""
COUNTS = ("n_hostile", "n_judged", "judged_squares", "judged_hostile_products", "hostile_squares")


def make(inputs: Inputs) -> pl.DataFrame:
    """Make the rows of `mart.moderation_load`.

    Texts that cannot be judged are taken to be as hostile as the others of the week. Raises `RefError` where tone.yml
    or bands.yml is not usable.
    """
    con, settings, as_of = inputs.con, inputs.settings, inputs.as_of
    labeller = read_labeller(settings)
    sample = interaction_quality.labelled_sample(labeller)
    acts_a_day = read_bands(settings)["likely_automated_acts_a_day"]
    rows = con.sql(WEEKS, params={"as_of": as_of, "acts_a_day": acts_a_day}).pl()
    hostile, judged, *squares = (rows[name].cast(pl.Float64).to_numpy() for name in COUNTS)
    texts = rows["n_texts"].cast(pl.Float64).to_numpy()
    found = misclassification.corrected_share(
        hostile, judged, misclassification.design_effect(hostile, judged, *squares), sample
    )
    works = misclassification.is_better_than_chance(sample)
    shown = (judged > 0) & works
    # A week without anything to read has nothing hostile either; one whose texts nobody delivered may have.
    quiet = rows["n_worded"].cast(pl.Float64).to_numpy() == 0
    per_text = {"hostile_texts": found.estimate, "hostile_texts_lo": found.lo, "hostile_texts_hi": found.hi}
    rows = rows.with_columns(
        pl.Series(name, np.where(shown, share * texts, np.where(quiet, 0.0, np.nan))).fill_nan(None)
        for name, share in per_text.items()
    ).with_columns(
        pl.lit(as_of).alias("as_of"),
        worded_per_day=pl.col("n_worded").cast(pl.Float64) / pl.col("n_days"),
        hostile_texts_per_day=pl.col("hostile_texts") / pl.col("n_days"),
        quality_reason=_reason(works),
    )
    made: pl.DataFrame = rows.select(contracts("mart")["moderation_load"].column_names)
    return made


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
