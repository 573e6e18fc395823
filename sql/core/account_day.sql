-- One row per account, day and figure: the value of the latest delivery that gave one.
-- Platforms restate their last day; what changed is kept in core.account_day_restatement.
WITH figures AS (
    SELECT snapshot_on, delivery_id, platform, account_id, day, metric, value FROM prior.account_day
    UNION ALL
    SELECT snapshot_on, delivery_id, platform, account_id, day, metric, value FROM stg.account_day
),

numbered_figures AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY platform, account_id, day, metric
            ORDER BY CASE WHEN value IS NULL THEN 1 ELSE 0 END, snapshot_on DESC, delivery_id DESC
        ) AS newest
    FROM figures
)

SELECT platform, account_id, day, metric, value, snapshot_on, delivery_id
FROM numbered_figures
WHERE newest = 1
