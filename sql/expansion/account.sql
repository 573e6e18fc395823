-- One row per channel and account that is not ours, numbered.
-- Our own accounts are left out: a segment found by who follows us would prove that it follows us.
WITH channels AS (
    SELECT 'follow' AS channel
    UNION ALL
    SELECT 'engagement' AS channel
)

-- A number in place of channel, platform and id: what follows joins on it a hundred million times.
SELECT
    CAST(
        row_number() OVER (ORDER BY channels.channel, account.platform, account.account_id) AS INTEGER
    ) AS account_no,
    channels.channel,
    account.platform,
    account.account_id
FROM core.account
CROSS JOIN channels
WHERE account.role <> 'own'
