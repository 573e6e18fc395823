-- One row per segment, platform, way of reading a declared place and band of distance from home: how the places of
-- its people were read, and why those of the others were not.
SELECT
    CAST(getvariable('as_of') AS DATE) AS as_of,
    segment_person.segment_id,
    segment_person.platform,
    coalesce(member_home.place_rule_id, 'nothing_declared') AS place_rule_id,
    coalesce(member_home.home_band, 'unknown') AS home_band,
    count(*) AS n_members,
    CAST(sum(CAST(segment_person.membership_probability AS DECIMAL(18, 6))) AS DOUBLE) AS people,
    max(place_rule.place_confidence) AS place_confidence
FROM core.segment_person
LEFT JOIN core.member_home ON segment_person.member_key = member_home.member_key
LEFT JOIN ref.place_rule ON member_home.place_rule_id = place_rule.place_rule_id
WHERE segment_person.is_current
GROUP BY
    segment_person.segment_id,
    segment_person.platform,
    coalesce(member_home.place_rule_id, 'nothing_declared'),
    coalesce(member_home.home_band, 'unknown')
