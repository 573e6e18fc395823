-- The people whom the rules of a draft hit, on what they follow, do and write.
INSERT INTO core.draft_hit
SELECT
    rule_id,
    effect,
    member_key
FROM core.segment_rule_hit
WHERE segment_id = $segment_id
