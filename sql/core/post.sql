-- One row per post of ours with the latest count that any delivery gave of each kind; its text stays behind.
-- A later delivery without a count does not erase an earlier one's.
WITH readings AS (
    SELECT
        snapshot_on, delivery_id, platform, post_id, account_id, posted_at, kind, tags,
        impressions, reach, likes, replies, reposts, quotes, clicks, observed_at
    FROM prior.post
    UNION ALL
    SELECT
        snapshot_on, delivery_id, platform, post_id, account_id, posted_at, kind, tags,
        impressions, reach, likes, replies, reposts, quotes, clicks, observed_at
    FROM stg.post
),

numbered_readings AS (
    SELECT *, row_number() OVER (PARTITION BY platform, post_id ORDER BY snapshot_on, delivery_id) AS reading
    FROM readings
)

SELECT
    platform,
    post_id,
    max_by(account_id, reading) AS account_id,
    max_by(posted_at, reading) AS posted_at,
    max_by(kind, reading) FILTER (WHERE kind IS NOT NULL) AS kind,
    max_by(tags, reading) FILTER (WHERE tags IS NOT NULL) AS tags,
    max_by(impressions, reading) FILTER (WHERE impressions IS NOT NULL) AS impressions,
    max_by(reach, reading) FILTER (WHERE reach IS NOT NULL) AS reach,
    max_by(likes, reading) FILTER (WHERE likes IS NOT NULL) AS likes,
    max_by(replies, reading) FILTER (WHERE replies IS NOT NULL) AS replies,
    max_by(reposts, reading) FILTER (WHERE reposts IS NOT NULL) AS reposts,
    max_by(quotes, reading) FILTER (WHERE quotes IS NOT NULL) AS quotes,
    max_by(clicks, reading) FILTER (WHERE clicks IS NOT NULL) AS clicks,
    max_by(observed_at, reading) FILTER (WHERE observed_at IS NOT NULL) AS observed_at,
    max_by(snapshot_on, reading) AS snapshot_on,
    max_by(delivery_id, reading) AS delivery_id
FROM numbered_readings
GROUP BY platform, post_id
