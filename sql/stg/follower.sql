-- One row per account, follower and day of the list, once per delivery.
-- The rows of one account in one delivery are one list, of its latest day: a long list may be read past midnight.
-- A member who stands twice in it is one follower: the earliest follow date said of them holds.
WITH lists AS (
    SELECT delivery_id, platform, account_id, max(CAST(observed_on AS DATE)) AS observed_on
    FROM raw.follower
    WHERE quarantine_reason IS NULL
    GROUP BY delivery_id, platform, account_id
)

SELECT
    listed.delivery_id,
    listed.snapshot_on,
    listed.follower_scope,
    listed.platform,
    listed.account_id,
    member_key.member_key,
    lists.observed_on,
    min(CAST(listed.followed_on AS DATE)) AS followed_on,
    count(*) AS n_rows
FROM raw.follower AS listed
INNER JOIN lists
    ON
        listed.delivery_id = lists.delivery_id
        AND listed.platform = lists.platform
        AND listed.account_id = lists.account_id
INNER JOIN stg.member_key ON listed.platform = member_key.platform AND listed.member_id = member_key.member_id
WHERE listed.quarantine_reason IS NULL
GROUP BY ALL
