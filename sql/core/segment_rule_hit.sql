-- One row per rule of today's definitions and present member it speaks for, or against; never the words themselves.
-- A rule on another segment has no row here: its hits are that segment's members.
WITH hits AS (
    SELECT rule_hash, platform, member_key, hit_from, hit_to FROM core.word_hit
    UNION ALL
    SELECT rule_hash, platform, member_key, hit_from, hit_to FROM core.connection_hit
)

SELECT
    segment_rule.segment_id,
    segment_rule.rule_id,
    segment_rule.effect,
    segment_rule.evidence_kind,
    segment_rule.weight,
    hits.platform,
    hits.member_key,
    hits.hit_from
FROM hits
INNER JOIN ref.segment_rule ON hits.rule_hash = segment_rule.rule_hash
INNER JOIN core.member ON hits.member_key = member.member_key
WHERE hits.hit_from <= getvariable('as_of') AND hits.hit_to > getvariable('as_of') AND member.is_present
