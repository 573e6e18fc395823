-- One row per post and delivery: what that delivery knew of it.
-- A post that stands twice in one delivery keeps its latest reading. Where its time is its author's word, it was not
-- posted later than the platform's index first saw it.
WITH readings AS (
    SELECT
        delivery_id,
        snapshot_on,
        platform,
        post_id,
        account_id,
        least(CAST(posted_at AS TIMESTAMPTZ), CAST(indexed_at AS TIMESTAMPTZ)) AS posted_at,
        lower(kind) AS kind,
        tags,
        CAST(impressions AS BIGINT) AS impressions,
        CAST(reach AS BIGINT) AS reach,
        CAST(likes AS BIGINT) AS likes,
        CAST(replies AS BIGINT) AS replies,
        CAST(reposts AS BIGINT) AS reposts,
        CAST(quotes AS BIGINT) AS quotes,
        CAST(clicks AS BIGINT) AS clicks,
        CAST(observed_at AS TIMESTAMPTZ) AS observed_at
    FROM raw.post
    WHERE quarantine_reason IS NULL
),

numbered_readings AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY delivery_id, platform, post_id
            ORDER BY
                observed_at DESC NULLS LAST,
                impressions DESC NULLS LAST,
                likes DESC NULLS LAST,
                replies DESC NULLS LAST,
                reposts DESC NULLS LAST,
                quotes DESC NULLS LAST,
                clicks DESC NULLS LAST,
                reach DESC NULLS LAST,
                posted_at ASC,
                account_id ASC,
                kind ASC NULLS LAST,
                tags ASC NULLS LAST
        ) AS newest,
        count(*) OVER (PARTITION BY delivery_id, platform, post_id) AS n_rows
    FROM readings
)

SELECT
    delivery_id,
    snapshot_on,
    platform,
    post_id,
    account_id,
    posted_at,
    kind,
    tags,
    impressions,
    reach,
    likes,
    replies,
    reposts,
    quotes,
    clicks,
    observed_at,
    n_rows
FROM numbered_readings
WHERE newest = 1
