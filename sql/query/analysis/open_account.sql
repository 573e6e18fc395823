-- One row per open account of ours, and whether it is the main one of its platform: that which reaches most people, on
-- whichever basis that is.
WITH reached AS (
    SELECT platform, account_id, max(reach_people) AS people FROM mart.segment_reach
    WHERE segment_id = 'everyone'
    GROUP BY platform, account_id
)

SELECT
    account.platform,
    account.account_id,
    account.handle,
    account.name,
    reached.people IS NOT NULL AND row_number() OVER (
        PARTITION BY account.platform ORDER BY reached.people DESC NULLS LAST, account.account_id ASC
    ) = 1 AS is_main
FROM core.account
LEFT JOIN reached ON account.platform = reached.platform AND account.account_id = reached.account_id
WHERE account.role = 'own' AND account.is_open
ORDER BY account.platform, account.account_id
