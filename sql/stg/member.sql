-- One row per person ever seen: their pseudonym and the latest profile an extract gave, carried from night to night.
-- The only text of a person that outlives a night, in the restricted work file only, and not for longer than
-- 180 days after it was last seen: an edited segment definition has to be read against it.
WITH profiles_tonight AS (
    SELECT
        member_key.platform,
        member_key.member_key,
        member_key.key_check,
        CAST(listed.observed_on AS DATE) AS profile_on,
        listed.name,
        listed.bio,
        listed.location,
        listed.followers_count,
        listed.following_count,
        listed.created_at,
        listed.is_protected,
        row_number() OVER (
            PARTITION BY member_key.member_key
            ORDER BY
                listed.observed_on DESC,
                listed.delivery_id DESC,
                listed.account_id DESC,
                listed.bio DESC NULLS LAST,
                listed.name DESC NULLS LAST,
                listed.location DESC NULLS LAST,
                listed.followers_count DESC NULLS LAST,
                listed.following_count DESC NULLS LAST
        ) AS newest
    FROM raw.follower AS listed
    INNER JOIN stg.member_key ON listed.platform = member_key.platform AND listed.member_id = member_key.member_id
    WHERE
        listed.quarantine_reason IS NULL
        AND coalesce(
            listed.name, listed.bio, listed.location, listed.followers_count, listed.following_count, listed.created_at,
            listed.is_protected
        ) IS NOT NULL
),

profiles AS (
    SELECT
        member_key,
        profile_on,
        name,
        bio,
        location,
        CAST(followers_count AS BIGINT) AS followers_count,
        CAST(following_count AS BIGINT) AS following_count,
        CAST(created_at AS TIMESTAMPTZ) AS created_at,
        CAST(is_protected AS BOOLEAN) AS is_protected
    FROM profiles_tonight
    WHERE newest = 1
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
