-- One row per basis and person reached: the set of our open accounts that reach them today.
-- Following is one thing, being there another: an active follower showed any activity on the platform, whichever
-- account it was for. Engaged people count as active whether they follow or not.
WITH first_lists AS (
    SELECT platform, account_id, min(observed_on) AS observed_on
    FROM core.follower_list
    GROUP BY platform, account_id
),

-- Activity: an interaction with any account of ours, or a new follow of any listed one. Whoever stands in an account's
-- first list was there before: that is none.
lively_members AS (
    SELECT member_key FROM core.engagement
    WHERE engaged_on > (SELECT recent_after_on FROM core.time_window)
    UNION
    SELECT follow.member_key
    FROM core.follow
    INNER JOIN first_lists ON follow.platform = first_lists.platform AND follow.account_id = first_lists.account_id
    WHERE
        coalesce(follow.followed_on, follow.first_seen_on) > (SELECT recent_after_on FROM core.time_window)
        AND (follow.followed_on IS NOT NULL OR follow.first_seen_on > first_lists.observed_on)
),

followers AS (
    SELECT follow.platform, follow.member_key, follow.account_id
    FROM core.follow
    INNER JOIN core.own_account
        ON follow.platform = own_account.platform AND follow.account_id = own_account.account_id
    WHERE own_account.is_open AND follow.ended_on IS NULL
),

engaged_people AS (
    SELECT DISTINCT engagement.platform, engagement.member_key, engagement.account_id
    FROM core.engagement
    INNER JOIN core.own_account
        ON engagement.platform = own_account.platform AND engagement.account_id = own_account.account_id
    WHERE own_account.is_open AND engagement.engaged_on > (SELECT recent_after_on FROM core.time_window)
),

active_people AS (
    SELECT platform, member_key, account_id FROM engaged_people
    UNION
    SELECT followers.platform, followers.member_key, followers.account_id
    FROM followers
    INNER JOIN lively_members ON followers.member_key = lively_members.member_key
),

connections AS (
    SELECT 'follower' AS basis, platform, member_key, account_id FROM followers
    UNION ALL
    SELECT 'engaged' AS basis, platform, member_key, account_id FROM engaged_people
    UNION ALL
    SELECT 'active' AS basis, platform, member_key, account_id FROM active_people
)

SELECT basis, platform, member_key, array_sort(array_agg(account_id)) AS account_ids
FROM connections
GROUP BY basis, platform, member_key
