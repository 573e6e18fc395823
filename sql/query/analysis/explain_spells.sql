-- One row per spell of member $member_key in segment $segment_id.
SELECT entered_on, left_on, membership_probability, evidence
FROM core.segment_membership
WHERE segment_id = $segment_id AND member_key = $member_key
ORDER BY entered_on
