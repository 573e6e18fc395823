-- One row per rule of segment $segment_id that hits member $member_key.
SELECT segment_rule.rule_id, segment_rule.effect, segment_rule.match, hit.weight, hit.hit_from, segment_rule.why
FROM core.segment_rule_hit AS hit
INNER JOIN ref.segment_rule ON hit.segment_id = segment_rule.segment_id AND hit.rule_id = segment_rule.rule_id
WHERE hit.segment_id = $segment_id AND hit.member_key = $member_key
ORDER BY segment_rule.effect DESC, hit.weight DESC, segment_rule.rule_id ASC
