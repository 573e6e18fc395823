-- One row per account, day and figure, once per delivery.
-- Where one delivery gives two values for a figure, the larger holds: platforms count a day up, not down.
SELECT
    delivery_id,
    snapshot_on,
    platform,
    account_id,
    CAST(day AS DATE) AS day,
    metric,
    max(CAST(value AS DOUBLE)) AS value,
    count(*) AS n_rows
FROM raw.account_day
WHERE quarantine_reason IS NULL
GROUP BY ALL
