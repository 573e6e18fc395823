-- One row per account of ours on a platform: from when to when its follower lists and interactions are known.
WITH lists AS (
    SELECT account_id, min(observed_on) AS first_list_on, max(observed_on) AS last_list_on
    FROM core.follower_list
    WHERE platform = getvariable('closure_platform') AND is_complete
    GROUP BY account_id
),

interactions AS (
    SELECT min(engaged_on) AS first_act_on, max(engaged_on) AS last_act_on FROM core.engagement
    WHERE platform = getvariable('closure_platform')
)

SELECT
    own_account.account_id,
    coalesce(own_account.name, own_account.account_id) AS name,
    own_account.closed_on,
    lists.first_list_on,
    lists.last_list_on,
    interactions.first_act_on,
    interactions.last_act_on
FROM core.own_account
CROSS JOIN interactions
LEFT JOIN lists ON own_account.account_id = lists.account_id
WHERE own_account.platform = getvariable('closure_platform')
ORDER BY own_account.account_id
