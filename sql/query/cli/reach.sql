-- One row per segment and open account on basis $basis, in the order in which the screen shows them.
SELECT
    as_of,
    segment_id,
    platform,
    account_id,
    coalesce(account.name, account_id) AS name,
    reach_people,
    exclusive_people,
    reach_reason
FROM mart.segment_reach
INNER JOIN core.account USING (platform, account_id)
WHERE basis = $basis
ORDER BY
    platform = 'x' DESC, platform, max(reach_people) OVER (PARTITION BY platform, account_id) DESC,
    account_id, segment_id = 'everyone' DESC, segment_id
