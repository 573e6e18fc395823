-- One row per labelled person: their scores in the field of the accepted and in the field of the rejected.
-- A seed's own score comes from the fold that left it out: a field that knew the answer would be overrated.
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
