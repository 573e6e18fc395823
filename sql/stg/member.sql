-- One row per person ever seen: their pseudonym and the latest profile an extract gave, carried from night to night.
-- The only text of a person that outlives a night, in the restricted work file only, and not for longer than
-- 180 days after it was last seen: an edited segment definition has to be read against it.
WITH newest_days AS (
    SELECT member_key, max(profile_on) AS profile_on
    FROM stg.profile
    GROUP BY member_key
),

profiles AS (
    SELECT profile.*
    FROM stg.profile
    INNER JOIN newest_days
        ON profile.member_key = newest_days.member_key AND profile.profile_on = newest_days.profile_on
),

people AS (
    SELECT platform, member_key, key_check FROM prior.member
    UNION
    SELECT platform, member_key, key_check FROM stg.member_key
),

latest AS (
    SELECT
        people.platform,
        people.member_key,
        people.key_check,
        coalesce(tonight.profile_on, before.profile_on) AS profile_on,
        CASE WHEN tonight.member_key IS NULL THEN before.name ELSE tonight.name END AS name,
        CASE WHEN tonight.member_key IS NULL THEN before.bio ELSE tonight.bio END AS bio,
        CASE WHEN tonight.member_key IS NULL THEN before.location ELSE tonight.location END AS location,
        CASE WHEN tonight.member_key IS NULL THEN before.followers_count ELSE tonight.followers_count END
            AS followers_count,
        CASE WHEN tonight.member_key IS NULL THEN before.following_count ELSE tonight.following_count END
            AS following_count,
        CASE WHEN tonight.member_key IS NULL THEN before.created_at ELSE tonight.created_at END AS created_at,
        CASE WHEN tonight.member_key IS NULL THEN before.is_protected ELSE tonight.is_protected END AS is_protected
    FROM people
    LEFT JOIN profiles AS tonight ON people.member_key = tonight.member_key
    LEFT JOIN prior.member AS before ON people.member_key = before.member_key AND people.key_check = before.key_check
)

SELECT
    platform,
    member_key,
    key_check,
    profile_on,
    CASE WHEN profile_on > getvariable('as_of') - INTERVAL 180 DAY THEN name END AS name,
    CASE WHEN profile_on > getvariable('as_of') - INTERVAL 180 DAY THEN bio END AS bio,
    CASE WHEN profile_on > getvariable('as_of') - INTERVAL 180 DAY THEN location END AS location,
    followers_count,
    following_count,
    created_at,
    is_protected
FROM latest
