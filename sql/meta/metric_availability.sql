-- One row per platform, figure and day, from the first day of any extract: whether the figure was available that day.
-- A post's figures stand on the day it was posted. A figure that came is `reported`, or `redefined` where the platform
-- changed its meaning on or before that day; one that did not come is never 0: `retired` where the platform gave it up,
-- `withheld` where the extract has the day and no figure, `not collected` where no extract has it.
WITH post_days AS (
    SELECT
        post.platform,
        CAST(post.posted_at AS DATE) AS day,
        count(*) AS n_rows,
        count(post.impressions) AS n_impressions,
        count(post.reach) AS n_reach,
        count(post.likes) AS n_likes,
        count(post.replies) AS n_replies,
        count(post.reposts) AS n_reposts,
        count(post.quotes) AS n_quotes,
        count(post.clicks) AS n_clicks
    FROM core.post
    INNER JOIN core.own_account ON post.platform = own_account.platform AND post.account_id = own_account.account_id
    GROUP BY post.platform, CAST(post.posted_at AS DATE)
),

figures AS (
    SELECT platform, 'post' AS metric_of, 'impressions' AS metric, day, n_rows, n_impressions AS n_values FROM post_days
    UNION ALL
    SELECT platform, 'post' AS metric_of, 'reach' AS metric, day, n_rows, n_reach AS n_values FROM post_days
    UNION ALL
    SELECT platform, 'post' AS metric_of, 'likes' AS metric, day, n_rows, n_likes AS n_values FROM post_days
    UNION ALL
    SELECT platform, 'post' AS metric_of, 'replies' AS metric, day, n_rows, n_replies AS n_values FROM post_days
    UNION ALL
    SELECT platform, 'post' AS metric_of, 'reposts' AS metric, day, n_rows, n_reposts AS n_values FROM post_days
    UNION ALL
    SELECT platform, 'post' AS metric_of, 'quotes' AS metric, day, n_rows, n_quotes AS n_values FROM post_days
    UNION ALL
    SELECT platform, 'post' AS metric_of, 'clicks' AS metric, day, n_rows, n_clicks AS n_values FROM post_days
    UNION ALL
    SELECT
        account_day.platform,
        'account day' AS metric_of,
        account_day.metric,
        account_day.day,
        count(*) AS n_rows,
        count(account_day.value) AS n_values
    FROM core.account_day
    INNER JOIN core.own_account
        ON account_day.platform = own_account.platform AND account_day.account_id = own_account.account_id
    WHERE account_day.day <= getvariable('as_of')
    GROUP BY account_day.platform, account_day.metric, account_day.day
),

first_days AS (
    SELECT platform, metric_of, min(day) AS day
    FROM figures
    GROUP BY platform, metric_of
),

known_metrics AS (
    SELECT DISTINCT first_days.platform, first_days.metric_of, figures.metric, first_days.day AS first_day
    FROM first_days
    INNER JOIN figures ON first_days.platform = figures.platform AND first_days.metric_of = figures.metric_of
),

days AS (
    SELECT
        platform,
        metric_of,
        metric,
        CAST(
            unnest(generate_series(CAST(first_day AS TIMESTAMP), getvariable('as_of'), INTERVAL 1 DAY)) AS DATE
        ) AS day
    FROM known_metrics
),

-- The last change on or before each day; a figure may be redefined first and retired later.
changes AS (
    SELECT
        days.platform,
        days.metric_of,
        days.metric,
        days.day,
        max(metric_change.changed_on) AS changed_on,
        max_by(metric_change.change, metric_change.changed_on) AS change,
        max_by(metric_change.reason, metric_change.changed_on) AS reason
    FROM days
    INNER JOIN ref.metric_change
        ON
            days.platform = metric_change.platform
            AND days.metric_of = metric_change.metric_of
            AND days.metric = metric_change.metric
            AND days.day >= metric_change.changed_on
    GROUP BY days.platform, days.metric_of, days.metric, days.day
)

SELECT
    days.platform,
    days.metric_of,
    days.metric,
    days.day,
    CASE
        WHEN figures.n_values > 0 AND changes.changed_on IS NOT NULL THEN 'redefined'
        WHEN figures.n_values > 0 THEN 'reported'
        WHEN changes.change = 'retired' THEN 'retired'
        WHEN figures.n_rows > 0 THEN 'withheld'
        ELSE 'not collected'
    END AS availability,
    coalesce(figures.n_rows, 0) AS n_rows,
    coalesce(figures.n_values, 0) AS n_values,
    changes.changed_on AS definition_changed_on,
    CASE
        WHEN changes.changed_on IS NOT NULL AND (figures.n_values > 0 OR changes.change = 'retired')
            THEN changes.reason
        WHEN figures.n_values > 0 THEN NULL
        WHEN figures.n_rows > 0 THEN 'the extract has this day, and the platform gave no figure for it'
        WHEN days.metric_of = 'post' THEN 'no extract holds a post of this day'
        ELSE 'no extract holds this figure for this day'
    END AS availability_reason
FROM days
LEFT JOIN figures
    ON
        days.platform = figures.platform
        AND days.metric_of = figures.metric_of
        AND days.metric = figures.metric
        AND days.day = figures.day
LEFT JOIN changes
    ON
        days.platform = changes.platform
        AND days.metric_of = changes.metric_of
        AND days.metric = changes.metric
        AND days.day = changes.day
