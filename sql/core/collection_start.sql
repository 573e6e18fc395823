-- One row per platform with an open account of ours: since when posts and interactions are known there.
-- Posts are looked for in the last 90 days only, as that is the time that rates of posting refer to.
WITH own_platforms AS (
    SELECT DISTINCT platform FROM core.own_account
    WHERE is_open
),

first_posts AS (
    SELECT platform, min(CAST(posted_at AS DATE)) AS first_posted_on
    FROM core.post
    WHERE
        CAST(posted_at AS DATE) > (SELECT recent_after_on FROM core.time_window)
        AND CAST(posted_at AS DATE) <= getvariable('as_of')
    GROUP BY platform
),

first_engagements AS (
    SELECT platform, min(engaged_on) AS first_engaged_on
    FROM core.engagement
    WHERE engaged_on <= getvariable('as_of')
    GROUP BY platform
)

SELECT
    own_platforms.platform,
    first_posts.first_posted_on,
    first_engagements.first_engaged_on
FROM own_platforms
LEFT JOIN first_posts ON own_platforms.platform = first_posts.platform
LEFT JOIN first_engagements ON own_platforms.platform = first_engagements.platform
