-- One row per post and kind of interaction of the last 90 days: how many our extracts hold, and how many there are.
-- The post is of that time, or older with an interaction in the time. A platform's own count says how many there are.
-- Where it gives none, `is_uncounted`, there are at least as many as were seen. Mentions nobody counts.
WITH counted_lists AS (
    SELECT platform, account_id, post_id, posted_at, 'like' AS kind, likes AS n_counted FROM core.post
    UNION ALL
    SELECT platform, account_id, post_id, posted_at, 'reply' AS kind, replies AS n_counted FROM core.post
    UNION ALL
    SELECT platform, account_id, post_id, posted_at, 'repost' AS kind, reposts AS n_counted FROM core.post
    UNION ALL
    SELECT platform, account_id, post_id, posted_at, 'quote' AS kind, quotes AS n_counted FROM core.post
),

seen_lists AS (
    SELECT
        platform,
        account_id,
        post_id,
        kind,
        count(*) AS n_seen,
        sum(CASE WHEN engaged_on > (SELECT recent_after_on FROM core.time_window) THEN 1 ELSE 0 END) AS n_seen_lately
    FROM core.engagement
    WHERE kind IN ('like', 'reply', 'repost', 'quote')
    GROUP BY platform, account_id, post_id, kind
),

-- Likes and answers are everywhere. Of a kind that its platform neither counts nor shows of any post there is none.
kinds AS (
    SELECT platform, kind FROM counted_lists
    WHERE n_counted IS NOT NULL OR kind IN ('like', 'reply')
    UNION
    SELECT platform, kind FROM seen_lists
),

lists AS (
    SELECT
        coalesce(counted_lists.platform, seen_lists.platform) AS platform,
        coalesce(counted_lists.account_id, seen_lists.account_id) AS account_id,
        coalesce(counted_lists.post_id, seen_lists.post_id) AS post_id,
        coalesce(counted_lists.kind, seen_lists.kind) AS kind,
        counted_lists.n_counted IS NULL AS is_uncounted,
        coalesce(seen_lists.n_seen, 0) AS n_seen,
        -- A platform that counts late, or whose people took likes back, counts fewer than were seen.
        greatest(coalesce(counted_lists.n_counted, 0), coalesce(seen_lists.n_seen, 0)) AS n_collectable
    FROM counted_lists
    FULL OUTER JOIN seen_lists
        ON
            counted_lists.platform = seen_lists.platform
            AND counted_lists.account_id = seen_lists.account_id
            AND counted_lists.post_id = seen_lists.post_id
            AND counted_lists.kind = seen_lists.kind
    WHERE
        seen_lists.n_seen_lately > 0
        OR (
            CAST(counted_lists.posted_at AS DATE) > (SELECT recent_after_on FROM core.time_window)
            AND CAST(counted_lists.posted_at AS DATE) <= getvariable('as_of')
        )
)

SELECT
    lists.platform,
    lists.account_id,
    lists.post_id,
    lists.kind,
    lists.is_uncounted,
    CAST(lists.n_seen AS BIGINT) AS n_seen,
    CAST(lists.n_collectable AS BIGINT) AS n_known
FROM lists
INNER JOIN kinds ON lists.platform = kinds.platform AND lists.kind = kinds.kind
