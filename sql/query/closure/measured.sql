-- One row per segment, audience, measure and person: the weeks in which the measure holds, and the person's weight.
-- The audiences are the closed account's, each control's without people of the closed one's, and that of all controls
-- together, without an account.
CREATE OR REPLACE TEMP TABLE closure_measured AS
WITH audiences AS (
    SELECT
        closure_cohort.account_id,
        closure_person.member_key,
        closure_person.active_weeks,
        closure_person.follower_weeks
    FROM closure_cohort
    INNER JOIN closure_person ON closure_cohort.member_key = closure_person.member_key
    WHERE closure_cohort.account_id = getvariable('closure_account') OR NOT closure_person.is_audience
    UNION ALL
    SELECT NULL AS account_id, member_key, active_weeks, follower_weeks
    FROM closure_person
    WHERE NOT is_audience
),

measures AS (
    SELECT account_id, member_key, 'active' AS measure, active_weeks AS weeks FROM audiences
    UNION ALL
    SELECT account_id, member_key, 'follower' AS measure, follower_weeks AS weeks FROM audiences
)

SELECT
    segment_person.segment_id,
    measures.account_id,
    measures.measure,
    measures.weeks,
    CAST(CAST(segment_person.membership_probability AS DECIMAL(18, 6)) AS DOUBLE) AS p
FROM measures
INNER JOIN core.segment_person ON measures.member_key = segment_person.member_key
