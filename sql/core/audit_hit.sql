-- One row per segment and time in which an audit speaks for a person: by the probability of their score, or by the
-- label that somebody gave them. In the work file only.
-- What accounts weigh and what a score means are frozen by the audit; whom somebody follows is not.
-- An audit speaks for the definition that it audited alone: on the day of an edit two of them are followed.
WITH changes AS (
    SELECT
        weight.audit_id,
        follow.platform,
        follow.member_key,
        follow.first_seen_on AS changed_on,
        weight.log_odds_z AS change,
        1 AS account_change
    FROM core.follow
    INNER JOIN ref.audit_account_weight AS weight
        ON follow.platform = weight.platform AND follow.account_id = weight.account_id
    UNION ALL
    SELECT
        weight.audit_id,
        follow.platform,
        follow.member_key,
        follow.ended_on AS changed_on,
        -weight.log_odds_z AS change,
        -1 AS account_change
    FROM core.follow
    INNER JOIN ref.audit_account_weight AS weight
        ON follow.platform = weight.platform AND follow.account_id = weight.account_id
    WHERE follow.ended_on IS NOT NULL
),

days_of_change AS (
    SELECT
        audit_id,
        platform,
        member_key,
        changed_on,
        sum(change) AS change,
        sum(account_change) AS account_change
    FROM changes
    GROUP BY audit_id, platform, member_key, changed_on
),

-- Weights are decimals: their sums are the same in whatever order rows come.
sums AS (
    SELECT
        audit_id,
        platform,
        member_key,
        changed_on,
        sum(change) OVER (PARTITION BY audit_id, member_key ORDER BY changed_on) AS sum_of_weights,
        sum(account_change) OVER (PARTITION BY audit_id, member_key ORDER BY changed_on) AS n_accounts,
        lead(changed_on) OVER (PARTITION BY audit_id, member_key ORDER BY changed_on) AS next_changed_on
    FROM days_of_change
),

scores AS (
    SELECT
        audit_id,
        platform,
        member_key,
        changed_on AS scored_from,
        coalesce(next_changed_on, DATE '9000-01-01') AS scored_to,
        CAST(sum_of_weights AS DOUBLE) / sqrt(n_accounts + 3) AS expansion_score
    FROM sums
    WHERE n_accounts > 0
),

likely_times AS (
    SELECT
        'expansion:' || segment_audit.segment_id AS rule_hash,
        segment_audit.definition_hash,
        scores.platform,
        scores.member_key,
        greatest(scores.scored_from, segment_audit.in_force_from) AS hit_from,
        least(scores.scored_to, segment_audit.followed_to) AS hit_to,
        audit_step.probability
    FROM scores
    INNER JOIN ref.segment_audit ON scores.audit_id = segment_audit.audit_id
    INNER JOIN ref.audit_step
        ON
            scores.audit_id = audit_step.audit_id
            AND scores.expansion_score >= audit_step.score_from
            AND scores.expansion_score < audit_step.score_to
    WHERE audit_step.probability >= segment_audit.probability_floor
)

SELECT rule_hash, definition_hash, platform, member_key, hit_from, hit_to, probability
FROM likely_times
WHERE hit_from < hit_to
UNION ALL
SELECT
    CASE WHEN is_member THEN 'audit yes:' ELSE 'audit no:' END || segment_id AS rule_hash,
    definition_hash,
    platform,
    member_key,
    in_force_from AS hit_from,
    followed_to AS hit_to,
    CAST(CASE WHEN is_member THEN 1 ELSE 0 END AS DOUBLE) AS probability
FROM ref.audit_label
