-- One row per channel and member who is connected with an account that is not ours.
-- A pseudonym is an HMAC, random already: its last digit deals the folds, the lowest 10,000 are the guard's sample.
WITH connected_members AS (
    SELECT channel, platform, member_key, count(*) AS n_accounts
    FROM expansion.edge
    GROUP BY channel, platform, member_key
)

SELECT
    channel,
    platform,
    member_key,
    n_accounts,
    CAST(1 + member_key % 5 AS INTEGER) AS fold,
    row_number() OVER (PARTITION BY channel, platform ORDER BY member_key) <= 10000 AS is_sampled
FROM connected_members
