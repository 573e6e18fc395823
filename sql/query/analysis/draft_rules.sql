-- One row per rule of a draft $segment_id: whom it hits, and whom no other rule includes.
WITH hits AS (
    SELECT
        rule_id,
        effect,
        member_key,
        count(*) FILTER (WHERE effect = 'include') OVER (PARTITION BY member_key) AS n_includes
    FROM core.draft_hit
)

SELECT
    segment_rule.rule_id,
    segment_rule.effect,
    segment_rule.match,
    count(hits.member_key) AS people,
    count(hits.member_key) FILTER (WHERE hits.n_includes = 1 AND hits.effect = 'include') AS only_this
FROM ref.segment_rule
LEFT JOIN hits ON segment_rule.rule_id = hits.rule_id
WHERE segment_rule.segment_id = $segment_id
GROUP BY segment_rule.rule_id, segment_rule.effect, segment_rule.match
ORDER BY segment_rule.effect DESC, people DESC, segment_rule.rule_id ASC
