-- One row per account, follower and day of the list, once per delivery.
-- A member who stands twice in one list is one follower: the earliest follow date said of them holds.
SELECT
    listed.delivery_id,
    listed.snapshot_on,
    listed.follower_scope,
    listed.platform,
    listed.account_id,
    member_key.member_key,
    CAST(listed.observed_on AS DATE) AS observed_on,
    min(CAST(listed.followed_on AS DATE)) AS followed_on,
    count(*) AS n_rows
FROM raw.follower AS listed
INNER JOIN stg.member_key ON listed.platform = member_key.platform AND listed.member_id = member_key.member_id
WHERE listed.quarantine_reason IS NULL
GROUP BY ALL
