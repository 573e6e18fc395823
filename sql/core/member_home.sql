-- One row per person ever seen: how far from home they say they live, and how their words were read; never the words.
-- Who declares nothing, or nothing that can be placed, stays with the reason why: about half of all people.
SELECT
    member.platform,
    member.member_key,
    coalesce(declared_place.home_band, 'unknown') AS home_band,
    declared_place.country,
    declared_place.region,
    coalesce(declared_place.place_rule_id, 'nothing_declared') AS place_rule_id
FROM stg.member
LEFT JOIN stg.declared_place ON member.location = declared_place.location
