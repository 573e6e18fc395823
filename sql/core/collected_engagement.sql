-- One row per account with posts that its platform counts interactions of: how much of that count our extracts hold.
-- Posts are those of the last 90 days. An interaction that the platform counts and nobody collected makes every count
-- of ours a lower bound.
WITH counts AS (
    SELECT
        post.platform,
        post.account_id,
        post.post_id,
        kinds.kind,
        CASE kinds.kind
            WHEN 'like' THEN post.likes
            WHEN 'reply' THEN post.replies
            WHEN 'repost' THEN post.reposts
            WHEN 'quote' THEN post.quotes
        END AS n_counted
    FROM core.post
    CROSS JOIN (VALUES ('like'), ('reply'), ('repost'), ('quote')) AS kinds (kind)
    WHERE
        CAST(post.posted_at AS DATE) > (SELECT recent_after_on FROM core.time_window)
        AND CAST(post.posted_at AS DATE) <= getvariable('as_of')
),

collected AS (
    SELECT platform, account_id, post_id, kind, count(*) AS n_collected
    FROM core.engagement
    GROUP BY platform, account_id, post_id, kind
)

SELECT
    counts.platform,
    counts.account_id,
    CAST(sum(counts.n_counted) AS BIGINT) AS n_collectable,
    CAST(sum(coalesce(collected.n_collected, 0)) / nullif(sum(counts.n_counted), 0) AS DOUBLE) AS collected_share
FROM counts
LEFT JOIN collected
    ON
        counts.platform = collected.platform
        AND counts.account_id = collected.account_id
        AND counts.post_id = collected.post_id
        AND counts.kind = collected.kind
WHERE counts.n_counted IS NOT NULL
GROUP BY counts.platform, counts.account_id
