-- One row per day, channel, kind and account of ours, once per delivery.
-- A key that stands twice in one delivery is one figure sent twice: the larger holds, they are not added.
SELECT
    delivery_id,
    snapshot_on,
    CAST(day AS DATE) AS day,
    channel,
    kind,
    platform,
    account_id,
    max(CAST(n AS BIGINT)) AS n,
    count(*) AS n_rows
FROM raw.contact
WHERE quarantine_reason IS NULL
GROUP BY ALL
