-- One row per account and member following it on the last day.
SELECT
    follow_on_drop.platform,
    account.account_id,
    follow_on_drop.member_id
FROM follow_on_drop
INNER JOIN account ON follow_on_drop.account_no = account.account_no
