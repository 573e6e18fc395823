-- One row per person and day on which tonight's lists showed their profile.
-- Of several lists of a day the last delivery's holds; one list shows a member once, and where it repeats them each
-- column's largest value holds, whatever the order.
WITH profile_rows AS (
    SELECT
        platform,
        member_id,
        CAST(observed_on AS DATE) AS profile_on,
        delivery_id || ' ' || account_id AS list_read,
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
    SELECT platform, member_id, profile_on, max(list_read) AS list_read
    FROM profile_rows
    GROUP BY platform, member_id, profile_on
)

SELECT
    member_key.platform,
    member_key.member_key,
    profile_rows.profile_on,
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
        AND profile_rows.profile_on = newest_lists.profile_on
        AND profile_rows.list_read = newest_lists.list_read
INNER JOIN stg.member_key
    ON profile_rows.platform = member_key.platform AND profile_rows.member_id = member_key.member_id
GROUP BY member_key.platform, member_key.member_key, profile_rows.profile_on
