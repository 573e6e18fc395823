-- One row per segment, platform, way of reading a declared place and band of distance from home: how the places of
-- its people were read, and why those of the others were not.
WITH segment_members AS (
    SELECT segment_id, platform, member_key, membership_probability FROM core.segment_membership
    WHERE left_on IS NULL
    UNION ALL
    SELECT 'everyone' AS segment_id, platform, member_key, 1 AS membership_probability FROM core.member
    WHERE is_present
)

SELECT
    CAST(getvariable('as_of') AS DATE) AS as_of,
    segment_members.segment_id,
    segment_members.platform,
    coalesce(member_home.place_rule_id, 'nothing_declared') AS place_rule_id,
    coalesce(member_home.home_band, 'unknown') AS home_band,
    count(*) AS n_members,
    CAST(sum(CAST(segment_members.membership_probability AS DECIMAL(18, 6))) AS DOUBLE) AS people,
    max(place_rule.place_confidence) AS place_confidence
FROM segment_members
LEFT JOIN core.member_home ON segment_members.member_key = member_home.member_key
LEFT JOIN ref.place_rule ON member_home.place_rule_id = place_rule.place_rule_id
GROUP BY
    segment_members.segment_id,
    segment_members.platform,
    coalesce(member_home.place_rule_id, 'nothing_declared'),
    coalesce(member_home.home_band, 'unknown')
