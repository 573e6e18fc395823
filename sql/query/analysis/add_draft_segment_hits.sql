-- The people whom a rule of a draft hits because they are in one of the segments that it names.
INSERT INTO core.draft_hit
SELECT DISTINCT
    $rule_id,
    $effect,
    member_key
FROM core.segment_membership
WHERE left_on IS NULL AND list_contains($segments, segment_id)
