-- One row per own account of the platform, day and figure in the days of the drop.
WITH posted AS (
    SELECT
        planned_post.account_no,
        planned_post.day,
        sum(post_count.impressions)::BIGINT AS impressions
    FROM planned_post
    INNER JOIN post_count ON planned_post.post_no = post_count.post_no
    GROUP BY planned_post.account_no, planned_post.day
),

day_figures AS (
    SELECT
        account.platform,
        account.account_id,
        follower_day.day,
        follower_day.followers,
        -- Older posts are still shown a little.
        coalesce(posted.impressions, 0) + floor(
            follower_day.followers * 0.03
            * chance(hash(hash(getvariable('seed')::BIGINT, account.account_id, follower_day.day)), 'older posts')
        )::BIGINT AS impressions
    FROM follower_day
    INNER JOIN account ON follower_day.account_no = account.account_no
    LEFT JOIN posted ON follower_day.account_no = posted.account_no AND follower_day.day = posted.day
    WHERE account.platform = getvariable('platform') AND follower_day.drop_on = getvariable('drop_on')
)

UNPIVOT day_figures ON followers, impressions INTO NAME metric VALUE value
ORDER BY account_id, day, metric
