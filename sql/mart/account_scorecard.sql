-- One row per account of ours: what is known of it, whether we know people or totals only, over the last 90 days.
-- Counts of posts are the platform's own and mean what that platform means by them; missing stays empty. Where posts
-- are late or missing, nobody knows how much an account posts now.
WITH newest_lists AS (
    SELECT
        platform,
        account_id,
        max(observed_on) AS follower_list_on,
        bool_or(is_complete) AS has_complete_list
    FROM core.follower_list
    GROUP BY platform, account_id
),

-- Before the latest list, at the list nearest to four weeks earlier.
earlier_lists AS (
    SELECT follower_list.platform, follower_list.account_id, max(follower_list.observed_on) AS earlier_list_on
    FROM core.follower_list
    INNER JOIN newest_lists
        ON follower_list.platform = newest_lists.platform AND follower_list.account_id = newest_lists.account_id
    WHERE
        follower_list.is_complete
        AND follower_list.observed_on
        <= newest_lists.follower_list_on - (SELECT follower_change_days FROM core.time_window)
    GROUP BY follower_list.platform, follower_list.account_id
),

follower_moves AS (
    SELECT
        follow.platform,
        follow.account_id,
        sum(CASE WHEN follow.ended_on IS NULL THEN 1 ELSE 0 END) AS followers,
        sum(
            CASE
                WHEN
                    follow.first_seen_on <= earlier_lists.earlier_list_on
                    AND follow.last_seen_on >= earlier_lists.earlier_list_on
                    THEN 1
                ELSE 0
            END
        ) AS followers_earlier,
        sum(
            CASE
                WHEN
                    follow.first_seen_on <= earlier_lists.earlier_list_on
                    AND follow.last_seen_on >= earlier_lists.earlier_list_on
                    AND follow.ended_on IS NOT NULL
                    THEN 1
                ELSE 0
            END
        ) AS followers_left
    FROM core.follow
    LEFT JOIN earlier_lists
        ON follow.platform = earlier_lists.platform AND follow.account_id = earlier_lists.account_id
    GROUP BY follow.platform, follow.account_id
),

reported_followers AS (
    SELECT
        platform,
        account_id,
        max_by(value, day) AS followers_reported,
        max(day) AS followers_reported_on
    FROM core.account_day
    WHERE metric = 'followers' AND value IS NOT NULL AND day <= getvariable('as_of')
    GROUP BY platform, account_id
),

posts AS (
    SELECT
        platform,
        account_id,
        count(*) AS n_posts,
        sum(likes) AS n_likes,
        sum(replies) AS n_replies,
        sum(reposts) AS n_reposts,
        sum(impressions) AS n_impressions,
        sum(CASE WHEN impressions > 0 THEN likes + replies + reposts END)
        / nullif(sum(CASE WHEN likes + replies + reposts IS NOT NULL THEN impressions END), 0)
            AS engagement_rate_by_impressions
    FROM core.post
    WHERE
        CAST(posted_at AS DATE) > (SELECT recent_after_on FROM core.time_window)
        AND CAST(posted_at AS DATE) <= getvariable('as_of')
    GROUP BY platform, account_id
),

-- What changed its meaning within these days cannot be compared across the change.
redefined_figures AS (
    SELECT
        platform,
        max(CASE WHEN metric = 'impressions' THEN definition_changed_on END) AS impressions_changed_on,
        max(CASE WHEN metric = 'likes' THEN definition_changed_on END) AS likes_changed_on,
        max(CASE WHEN metric = 'replies' THEN definition_changed_on END) AS replies_changed_on,
        max(CASE WHEN metric = 'reposts' THEN definition_changed_on END) AS reposts_changed_on
    FROM meta.metric_availability
    WHERE metric_of = 'post' AND definition_changed_on > (SELECT recent_after_on FROM core.time_window)
    GROUP BY platform
),

latest_posts AS (
    SELECT
        platform,
        account_id,
        max(CASE WHEN CAST(posted_at AS DATE) <= getvariable('as_of') THEN CAST(posted_at AS DATE) END)
            AS last_posted_on
    FROM core.post
    GROUP BY platform, account_id
),

late_posts AS (
    SELECT platform, account_id, freshness_reason
    FROM meta.freshness
    WHERE kind = 'post' AND freshness_status IN ('late', 'missing')
),

accounts_with_engagements AS (
    SELECT DISTINCT platform, account_id FROM core.engagement
),

totals AS (
    SELECT platform, account_id FROM core.account_day
    UNION
    SELECT platform, account_id FROM latest_posts
),

reach AS (
    SELECT
        platform,
        account_id,
        max(CASE WHEN basis = 'follower' THEN reach_people END) AS reach_people,
        max(CASE WHEN basis = 'follower' THEN exclusive_people END) AS exclusive_people,
        max(CASE WHEN basis = 'engaged' THEN reach_people END) AS engaged_people
    FROM mart.segment_reach
    WHERE segment_id = 'everyone'
    GROUP BY platform, account_id
)

SELECT
    CAST(getvariable('as_of') AS DATE) AS as_of,
    own_account.platform,
    own_account.account_id,
    own_account.handle,
    own_account.name,
    own_account.purpose,
    own_account.is_open,
    CASE
        WHEN newest_lists.has_complete_list THEN 'people'
        WHEN newest_lists.follower_list_on IS NOT NULL THEN 'partial lists'
        WHEN accounts_with_engagements.account_id IS NOT NULL THEN 'engagements only'
        WHEN totals.account_id IS NOT NULL THEN 'totals only'
        ELSE 'no extract'
    END AS data_basis,
    newest_lists.follower_list_on,
    -- A verified empty list leaves no row of a follower: that is 0, and not unknown.
    CASE
        WHEN newest_lists.has_complete_list THEN CAST(coalesce(follower_moves.followers, 0) AS BIGINT)
        ELSE CAST(follower_moves.followers AS BIGINT)
    END AS followers,
    CAST(reported_followers.followers_reported AS BIGINT) AS followers_reported,
    reported_followers.followers_reported_on,
    CAST(reach.reach_people AS BIGINT) AS reach_people,
    CAST(reach.exclusive_people AS BIGINT) AS exclusive_people,
    CAST(reach.engaged_people AS BIGINT) AS engaged_people,
    earlier_lists.earlier_list_on,
    CASE
        WHEN earlier_lists.earlier_list_on IS NOT NULL
            THEN CAST(follower_moves.followers - follower_moves.followers_earlier AS BIGINT)
    END AS net_new_followers,
    CASE
        WHEN earlier_lists.earlier_list_on IS NOT NULL
            THEN follower_moves.followers_left / nullif(follower_moves.followers_earlier, 0)
    END AS churn_share,
    CASE WHEN latest_posts.account_id IS NOT NULL THEN coalesce(posts.n_posts, 0) END AS n_posts,
    latest_posts.last_posted_on,
    CAST(posts.n_likes AS BIGINT) AS n_likes,
    CAST(posts.n_replies AS BIGINT) AS n_replies,
    CAST(posts.n_reposts AS BIGINT) AS n_reposts,
    CAST(posts.n_impressions AS BIGINT) AS n_impressions,
    posts.engagement_rate_by_impressions,
    CASE
        WHEN late_posts.account_id IS NOT NULL THEN late_posts.freshness_reason
        WHEN posts.n_posts > 0
            THEN
                nullif(
                    concat_ws(
                        '; ',
                        'impressions changed their meaning on '
                        || CAST(redefined_figures.impressions_changed_on AS VARCHAR),
                        'likes changed their meaning on ' || CAST(redefined_figures.likes_changed_on AS VARCHAR),
                        'replies changed their meaning on ' || CAST(redefined_figures.replies_changed_on AS VARCHAR),
                        'reposts changed their meaning on ' || CAST(redefined_figures.reposts_changed_on AS VARCHAR)
                    ),
                    ''
                )
    END AS usage_warnings
FROM core.own_account
LEFT JOIN
    newest_lists
    ON own_account.platform = newest_lists.platform AND own_account.account_id = newest_lists.account_id
LEFT JOIN
    earlier_lists
    ON own_account.platform = earlier_lists.platform AND own_account.account_id = earlier_lists.account_id
LEFT JOIN follower_moves
    ON own_account.platform = follower_moves.platform AND own_account.account_id = follower_moves.account_id
LEFT JOIN reported_followers
    ON own_account.platform = reported_followers.platform AND own_account.account_id = reported_followers.account_id
LEFT JOIN late_posts
    ON own_account.platform = late_posts.platform AND own_account.account_id = late_posts.account_id
LEFT JOIN posts
    ON
        own_account.platform = posts.platform
        AND own_account.account_id = posts.account_id
        AND late_posts.account_id IS NULL
LEFT JOIN redefined_figures ON own_account.platform = redefined_figures.platform
LEFT JOIN latest_posts
    ON
        own_account.platform = latest_posts.platform
        AND own_account.account_id = latest_posts.account_id
        AND late_posts.account_id IS NULL
LEFT JOIN accounts_with_engagements
    ON
        own_account.platform = accounts_with_engagements.platform
        AND own_account.account_id = accounts_with_engagements.account_id
LEFT JOIN totals ON own_account.platform = totals.platform AND own_account.account_id = totals.account_id
LEFT JOIN reach ON own_account.platform = reach.platform AND own_account.account_id = reach.account_id
