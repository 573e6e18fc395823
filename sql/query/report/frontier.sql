-- One row per platform, number of accounts and segment of the frontier, with names.
WITH titles AS (
    SELECT segment_id, max(title) AS title FROM mart.segment_size
    GROUP BY segment_id
),

names AS (
    SELECT frontier.platform, frontier.n_kept, list(coalesce(account.name, one.ref) ORDER BY one.ref) AS names
    FROM (SELECT DISTINCT platform, n_kept, kept_account_ids FROM mart.keep_frontier) AS frontier,
        LATERAL (SELECT unnest(frontier.kept_account_ids) AS ref) AS one
    LEFT JOIN core.account ON one.ref = account.platform || ':' || account.account_id
    GROUP BY frontier.platform, frontier.n_kept
)

SELECT keep_frontier.*, coalesce(titles.title, keep_frontier.segment_id) AS title, names.names AS kept_names
FROM mart.keep_frontier
LEFT JOIN titles ON keep_frontier.segment_id = titles.segment_id
INNER JOIN names ON keep_frontier.platform = names.platform AND keep_frontier.n_kept = names.n_kept
ORDER BY keep_frontier.platform, keep_frontier.n_kept, keep_frontier.segment_id
