-- One row per own post on the platform in the days of the drop, with its counts as read that night.
SELECT
    planned_post.platform,
    planned_post.post_id,
    planned_post.account_id,
    iso(planned_post.posted_at) AS posted_at,
    planned_post.kind,
    planned_post.text,
    planned_post.tags,
    counted.impressions,
    counted.reach,
    counted.likes,
    counted.replies,
    counted.reposts,
    counted.quotes,
    counted.clicks,
    iso(planned_post.drop_on + INTERVAL 86340 SECOND) AS observed_at
FROM planned_post
INNER JOIN post_count AS counted ON planned_post.post_no = counted.post_no
WHERE planned_post.platform = getvariable('platform') AND planned_post.drop_on = getvariable('drop_on')
ORDER BY planned_post.post_no
