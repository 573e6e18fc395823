-- One row per account that member $member_key follows and that speaks for segment $segment_id: the five with the
-- largest log-odds.
SELECT
    affinity.platform,
    affinity.account_id,
    coalesce(account.name, affinity.account_id) AS name,
    affinity.channel,
    affinity.log_odds_z
FROM mart.segment_account_affinity AS affinity
INNER JOIN core.account
    ON affinity.platform = account.platform AND affinity.account_id = account.account_id
INNER JOIN core.follow
    ON affinity.platform = follow.platform AND affinity.account_id = follow.account_id
WHERE
    affinity.segment_id = $segment_id
    AND affinity.channel = 'follow'
    AND follow.member_key = $member_key
    AND follow.ended_on IS NULL
ORDER BY affinity.log_odds_z DESC, affinity.account_id ASC
LIMIT 5
