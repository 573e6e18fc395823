-- One row per segment and present member who belongs to it today: some rule hits, no exclusion does.
-- A rule says yes or no, so the probability is 1 until an audit calibrates it.
WITH verdicts AS (
    SELECT
        segment_id,
        platform,
        member_key,
        sum(CASE WHEN effect = 'include' THEN 1 ELSE 0 END) AS n_rules_hit,
        sum(CASE WHEN effect = 'exclude' THEN 1 ELSE 0 END) AS n_exclusions_hit
    FROM core.segment_rule_hit
    GROUP BY segment_id, platform, member_key
)

SELECT
    verdicts.segment_id,
    verdicts.platform,
    verdicts.member_key,
    CAST(1 AS DOUBLE) AS membership_probability,
    'rule' AS evidence,
    CAST(verdicts.n_rules_hit AS BIGINT) AS n_rules_hit,
    segment.definition_hash
FROM verdicts
INNER JOIN ref.segment ON verdicts.segment_id = segment.segment_id
WHERE verdicts.n_exclusions_hit = 0
