-- One row per open seed account of a platform with enough followers to say what goes together with what.
-- Our own accounts are left out: a community must not be defined, or named, by whom we already reach.
SELECT
    account.platform,
    account.account_id,
    max(coalesce(account.name, account.handle, account.account_id)) AS name,
    count(*) AS followers
FROM core.account
INNER JOIN core.follow ON account.platform = follow.platform AND account.account_id = follow.account_id
INNER JOIN core.member ON follow.platform = member.platform AND follow.member_key = member.member_key
WHERE
    account.platform = getvariable('suggest_platform')
    AND account.role = 'seed'
    AND account.is_open
    AND follow.ended_on IS NULL
    AND member.is_present
GROUP BY account.platform, account.account_id
HAVING count(*) >= getvariable('suggest_least_followers')
