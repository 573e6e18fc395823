"""What following each account weighs in a segment's scores: found anew for every sample, frozen with its audit.

The positive field scores people by what the segment's people follow. Once audits have accepted and rejected enough
people, those rejected are a field of their own: where it helps, an account weighs what both fields say together.
"""

from datetime import date
from decimal import Decimal

import duckdb
import polars as pl

from pipelines.analysis import stacking
from pipelines.common.settings import Settings
from pipelines.segments import label_history
from pipelines.warehouse import build
from pipelines.warehouse.catalogue import sql_models

CHANNEL = "follow"  # whom people follow is known of everybody in a list; acts only of those who act


def known_labels(settings: Settings, segment_id: str, platform: str, until: date) -> pl.DataFrame:
    """What earlier audits of a segment labelled yes or no: member_key and label, the latest of each person."""
    kept = [
        one.labels.select("member_key", "label")
        for one in label_history.read_audits(settings, until)
        if (one.audit.segment_id, one.platform) == (segment_id, platform)
    ]
    empty = pl.DataFrame(schema={"member_key": pl.UInt64, "label": pl.String})
    labels = pl.concat([empty, *kept]).filter(pl.col("label") != "unsure")
    return labels.unique("member_key", keep="last", maintain_order=True).sort("member_key")


def freeze_weights(
    con: duckdb.DuckDBPyConnection, segment_id: str, platform: str, labels: pl.DataFrame
) -> tuple[dict[str, str], str]:
    """Score the segment anew: what each account weighs, to nine places, and whether the rejected count in it, and why.

    `con` is a workbench with the segment's definition, `core.segment_evidence` and `core.segment_membership`. Nothing
    weighs where the guard refuses. Leaves the weights in the table `frozen`, and today's members by
    rules in the view `core.rule_member`.
    """
    con.register("labelled", labels.to_arrow())
    names = {"segment_id": segment_id, "platform": platform, "rejected": f"{segment_id}~rejected"}
    con.execute("CREATE VIEW core.rule_member AS " + RULE_MEMBERS)
    con.execute(REJECTED_SEGMENT, {"rejected": names["rejected"]})
    con.execute(REJECTED_ARE_NO_SEEDS, {"segment_id": segment_id})
    con.execute(REJECTED_SEEDS, {"rejected": names["rejected"], "platform": platform})
    for model in sql_models("expansion"):
        build.build_model(con, model)
    names |= {"channel": CHANNEL}
    found, reason = stacking.fit_stack(con.sql(FIELDS, params=names).pl())
    fields = {"w_positive": found.w_positive, "w_negative": found.w_negative} if found else POSITIVE_ALONE
    con.execute("CREATE TABLE frozen (account_id VARCHAR, log_odds_z DECIMAL(18, 9))")
    con.execute("INSERT INTO frozen " + WEIGHTS, names | fields)
    frozen: list[tuple[str, Decimal]] = con.execute("SELECT * FROM frozen ORDER BY account_id").fetchall()
    return {account_id: str(weight) for account_id, weight in frozen}, reason


POSITIVE_ALONE = {"w_positive": 1.0, "w_negative": 0.0}

RULE_MEMBERS = """
    SELECT DISTINCT member_key
    FROM core.segment_evidence
    WHERE
        evidence = 'rule'
        AND spell_from <= getvariable('as_of')
        AND least(spell_to, in_force_to) > getvariable('as_of')
"""

REJECTED_SEGMENT = "INSERT INTO ref.segment SELECT * REPLACE ($rejected AS segment_id) FROM ref.segment"

# Whom an audit rejected is no seed of the segment any more, and a seed of the rejected.
REJECTED_ARE_NO_SEEDS = """
    DELETE FROM core.segment_membership
    WHERE segment_id = $segment_id AND member_key IN (SELECT member_key FROM labelled WHERE label = 'no')
"""

REJECTED_SEEDS = """
    INSERT INTO core.segment_membership BY NAME
    SELECT
        $rejected AS segment_id,
        $platform AS platform,
        member_key,
        getvariable('as_of') AS entered_on,
        1 AS membership_probability,
        'audit' AS evidence
    FROM labelled
    WHERE label = 'no'
"""

# A seed's own field comes from the fold that did not know of it: a field that knew the answer would be believed.
FIELDS = """
    WITH held_out AS (
        SELECT run.segment_id, score.member_key, max(score.expansion_score) AS expansion_score
        FROM expansion.held_out_score AS score
        INNER JOIN expansion.run ON score.run_no = run.run_no
        WHERE score.is_seed AND run.platform = $platform AND run.channel = $channel
        GROUP BY run.segment_id, score.member_key
    ),

    scores AS (
        SELECT
            full_run.segment_id,
            full_run.member_key,
            coalesce(held_out.expansion_score, full_run.expansion_score) AS expansion_score
        FROM expansion.member_score AS full_run
        LEFT JOIN held_out
            ON full_run.segment_id = held_out.segment_id AND full_run.member_key = held_out.member_key
        WHERE full_run.platform = $platform AND full_run.channel = $channel
    )

    SELECT
        labelled.member_key,
        labelled.label,
        accepted.expansion_score AS positive_score,
        rejected.expansion_score AS negative_score,
        rule_member.member_key IS NOT NULL AS is_rule_member
    FROM labelled
    LEFT JOIN scores AS accepted
        ON labelled.member_key = accepted.member_key AND accepted.segment_id = $segment_id
    LEFT JOIN scores AS rejected
        ON labelled.member_key = rejected.member_key AND rejected.segment_id = $rejected
    LEFT JOIN core.rule_member ON labelled.member_key = rule_member.member_key
"""

WEIGHTS = """
    WITH weighed_accounts AS (
        SELECT
            account.account_id,
            run.segment_id = $segment_id AS is_positive,
            CASE WHEN run.segment_id = $segment_id THEN $w_positive ELSE $w_negative END * weight.log_odds_z
                AS log_odds_z
        FROM expansion.account_weight AS weight
        INNER JOIN expansion.run ON weight.run_no = run.run_no
        INNER JOIN expansion.account ON weight.account_no = account.account_no
        INNER JOIN expansion.guard
            ON run.segment_id = guard.segment_id AND run.platform = guard.platform AND run.channel = guard.channel
        WHERE
            run.fold = 0
            AND run.segment_id IN ($segment_id, $rejected)
            AND run.platform = $platform
            AND run.channel = $channel
            AND guard.guard IN ('good', 'weak')
    )

    SELECT account_id, CAST(round(sum(log_odds_z), 9) AS DECIMAL(18, 9)) AS log_odds_z
    FROM weighed_accounts
    GROUP BY account_id
    HAVING bool_or(is_positive)
"""
