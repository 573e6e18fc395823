-- One row per own post of the drop of `drop_on`: its counts as the platform gives them that night.
-- Counts are at least what the engagement rows hold: platforms count people they do not name.
-- What a platform does not say is null: impressions on Bluesky and Mastodon, reach and clicks outside Facebook.

CREATE OR REPLACE TABLE post_count AS
WITH named_act AS (
    SELECT
        post_no,
        count(*) FILTER (WHERE kind = 'like') AS likes,
        count(*) FILTER (WHERE kind = 'reply') AS replies,
        count(*) FILTER (WHERE kind = 'repost') AS reposts,
        count(*) FILTER (WHERE kind = 'quote') AS quotes,
        count(*) AS acts
    FROM engagement
    WHERE kind != 'mention'
    GROUP BY post_no
),

shown AS (
    SELECT
        planned_post.post_no,
        planned_post.platform,
        planned_post.draw_key,
        coalesce(named_act.likes, 0) AS likes,
        coalesce(named_act.replies, 0) AS replies,
        coalesce(named_act.reposts, 0) AS reposts,
        coalesce(named_act.quotes, 0) AS quotes,
        floor(follower_day.followers * (0.10 + 0.25 * chance(planned_post.draw_key, 'shown')))::BIGINT
        + 20 * coalesce(named_act.acts, 0) AS shown
    FROM planned_post
    LEFT JOIN named_act ON planned_post.post_no = named_act.post_no
    LEFT JOIN follower_day
        ON planned_post.account_no = follower_day.account_no AND planned_post.day = follower_day.day
    WHERE planned_post.drop_on = getvariable('drop_on')
)

SELECT
    post_no,
    if(platform IN ('x', 'facebook'), shown, NULL) AS impressions,
    if(platform = 'facebook', floor(shown * 0.8)::BIGINT, NULL) AS reach,
    likes + CASE
        WHEN platform = 'facebook' THEN floor(shown * (0.005 + 0.02 * chance(draw_key, 'likes')))::BIGINT
        ELSE floor(likes * 0.3 * chance(draw_key, 'likes'))::BIGINT
    END AS likes,
    replies + CASE
        WHEN platform = 'facebook' THEN floor(shown * 0.006 * chance(draw_key, 'replies'))::BIGINT
        ELSE floor(replies * 0.2 * chance(draw_key, 'replies'))::BIGINT
    END AS replies,
    reposts + if(platform = 'facebook', floor(shown * 0.004 * chance(draw_key, 'reposts'))::BIGINT, 0) AS reposts,
    if(platform = 'facebook', NULL, quotes) AS quotes,
    if(platform = 'facebook', floor(shown * 0.012 * chance(draw_key, 'clicks'))::BIGINT, NULL) AS clicks
FROM shown
ORDER BY post_no;
