-- One row per person, hash tag and day of use in the last 180 days, carried from night to night.
-- Kept in the restricted work file only, and no longer: an edited segment definition has to be read against it.
WITH uses AS (
    SELECT platform, member_key, tag, used_on FROM prior.member_tag
    UNION
    SELECT platform, member_key, tag, used_on FROM stg.tag
)

SELECT platform, member_key, tag, used_on
FROM uses
WHERE used_on > getvariable('as_of') - INTERVAL 180 DAY
