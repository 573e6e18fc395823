-- One row per platform and basis that our extracts can measure for at least one open account of ours.
-- Without a follower list nobody knows who follows us, and without engagements nobody knows who is active: a platform
-- and basis that is absent here has unknown reach, not a reach of 0.
SELECT DISTINCT follower_list.platform, 'follower' AS basis
FROM core.follower_list
INNER JOIN core.own_account
    ON follower_list.platform = own_account.platform AND follower_list.account_id = own_account.account_id
WHERE own_account.is_open
UNION ALL
SELECT DISTINCT engagement.platform, bases.basis
FROM core.engagement
INNER JOIN core.own_account
    ON engagement.platform = own_account.platform AND engagement.account_id = own_account.account_id
CROSS JOIN (VALUES ('engaged'), ('active')) AS bases (basis)
WHERE own_account.is_open
