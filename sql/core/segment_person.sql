-- One row per segment and person who belongs to it today, or who belonged when they were last seen.
-- The segment `everyone` holds every person. People who are no longer present keep the segments of their last day,
-- with `is_current` false: a curve of departures needs them, a count of today does not. Of two spells that both reach
-- beyond the last sighting, the higher probability counts.
SELECT
    segment_membership.segment_id,
    segment_membership.platform,
    segment_membership.member_key,
    max(segment_membership.membership_probability) AS membership_probability,
    bool_or(segment_membership.left_on IS NULL) AS is_current
FROM core.segment_membership
LEFT JOIN core.member ON segment_membership.member_key = member.member_key
WHERE
    segment_membership.left_on IS NULL
    OR (NOT member.is_present AND segment_membership.left_on > member.last_seen_on)
GROUP BY segment_membership.segment_id, segment_membership.platform, segment_membership.member_key
UNION ALL
SELECT 'everyone' AS segment_id, platform, member_key, 1 AS membership_probability, is_present AS is_current
FROM core.member
