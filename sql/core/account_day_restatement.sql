-- One row per figure that a later delivery gave another value: what it was, what it became, and when.
WITH figures AS (
    SELECT snapshot_on, delivery_id, platform, account_id, day, metric, value FROM prior.account_day
    UNION ALL
    SELECT snapshot_on, delivery_id, platform, account_id, day, metric, value FROM stg.account_day
),

followed_figures AS (
    SELECT
        *,
        lag(value) OVER (PARTITION BY platform, account_id, day, metric ORDER BY snapshot_on, delivery_id)
            AS value_before
    FROM figures
    WHERE value IS NOT NULL
)

SELECT
    platform,
    account_id,
    day,
    metric,
    value_before,
    value AS value_after,
    snapshot_on AS restated_on,
    delivery_id
FROM followed_figures
WHERE value <> value_before
UNION ALL
SELECT platform, account_id, day, metric, value_before, value_after, restated_on, delivery_id
FROM prior.account_day_restatement
