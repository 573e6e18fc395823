-- One row per day, channel and kind of contact (and account of ours, where one is named): the latest delivery's count.
WITH counts AS (
    SELECT snapshot_on, delivery_id, day, channel, kind, platform, account_id, n FROM prior.contact
    UNION ALL
    SELECT snapshot_on, delivery_id, day, channel, kind, platform, account_id, n FROM stg.contact
),

numbered_counts AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY day, channel, kind, platform, account_id ORDER BY snapshot_on DESC, delivery_id DESC
        ) AS newest
    FROM counts
)

SELECT day, channel, kind, platform, account_id, n, snapshot_on, delivery_id
FROM numbered_counts
WHERE newest = 1
