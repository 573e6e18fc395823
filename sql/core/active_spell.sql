-- One row per person and time without a gap, in whole weeks, in which observed activity says that they are there.
-- Activity is an interaction with any account of ours, or a new follow of any listed one, as in core.reach_set. It
-- counts for `recent_days`: the first week at whose end it no longer does ends the time. Both days are Mondays.
WITH first_lists AS (
    SELECT platform, account_id, min(observed_on) AS first_list_on
    FROM core.follower_list
    WHERE is_complete
    GROUP BY platform, account_id
),

observed_activities AS (
    SELECT member_key, engaged_on AS active_on FROM core.engagement
    WHERE engaged_on > (SELECT series_after_on - recent_days FROM core.time_window)
    UNION
    SELECT follow.member_key, coalesce(follow.followed_on, follow.first_seen_on) AS active_on
    FROM core.follow
    INNER JOIN first_lists ON follow.platform = first_lists.platform AND follow.account_id = first_lists.account_id
    WHERE
        coalesce(follow.followed_on, follow.first_seen_on)
        > (SELECT series_after_on - recent_days FROM core.time_window)
        AND (follow.followed_on IS NOT NULL OR follow.first_seen_on > first_lists.first_list_on)
),

ordered_activities AS (
    SELECT
        member_key,
        active_on,
        lag(active_on) OVER (PARTITION BY member_key ORDER BY active_on) AS previous_on
    FROM observed_activities
),

numbered_activities AS (
    SELECT
        member_key,
        active_on,
        sum(CASE WHEN active_on <= previous_on + (SELECT recent_days FROM core.time_window) THEN 0 ELSE 1 END)
            OVER (
                PARTITION BY member_key ORDER BY active_on
            ) AS spell_number
    FROM ordered_activities
)

SELECT
    member_key,
    CAST(date_trunc('week', min(active_on)) AS DATE) AS valid_from,
    CASE
        WHEN
            max(active_on) + (SELECT recent_days FROM core.time_window) > getvariable('as_of')
            THEN DATE '9000-01-06'
        ELSE CAST(date_trunc('week', max(active_on) + (SELECT recent_days FROM core.time_window)) AS DATE)
    END AS valid_to
FROM numbered_activities
GROUP BY member_key, spell_number
