-- One row per person ever seen: their pseudonym and the latest profile an extract gave, carried from night to night.
-- The only text of a person that outlives a night, in the restricted work file only, and not for longer than
-- 180 days after it was last seen: an edited segment definition has to be read against it.
WITH profile_rows AS (
    SELECT
        platform,
        member_id,
        observed_on,
        CAST(observed_on AS DATE) || ' ' || delivery_id || ' ' || account_id AS list_read,
        name,
        bio,
        location,
        followers_count,
        following_count,
        created_at,
        is_protected
    FROM raw.follower
    WHERE
        quarantine_reason IS NULL
        AND coalesce(name, bio, location, followers_count, following_count, created_at, is_protected) IS NOT NULL
),

newest_lists AS (
    SELECT platform, member_id, max(list_read) AS list_read
    FROM profile_rows
    GROUP BY platform, member_id
),

-- One list shows a member once; where it repeats them, each column's largest value holds, whatever the order.
profiles AS (
    SELECT
        member_key.member_key,
        max(CAST(profile_rows.observed_on AS DATE)) AS profile_on,
        max(profile_rows.name) AS name,
        max(profile_rows.bio) AS bio,
        max(profile_rows.location) AS location,
        max(CAST(profile_rows.followers_count AS BIGINT)) AS followers_count,
        max(CAST(profile_rows.following_count AS BIGINT)) AS following_count,
        max(CAST(profile_rows.created_at AS TIMESTAMPTZ)) AS created_at,
        bool_or(CAST(profile_rows.is_protected AS BOOLEAN)) AS is_protected
    FROM profile_rows
    INNER JOIN newest_lists
        ON
            profile_rows.platform = newest_lists.platform
            AND profile_rows.member_id = newest_lists.member_id
            AND profile_rows.list_read = newest_lists.list_read
    INNER JOIN stg.member_key
        ON profile_rows.platform = member_key.platform AND profile_rows.member_id = member_key.member_id
    GROUP BY member_key.member_key
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
