-- One row per segment and platform, with the days of the lists behind it.
WITH data_days AS (
    SELECT platform, min(data_on) AS data_from, max(data_on) AS data_on
    FROM mart.segment_reach
    WHERE basis = 'follower'
    GROUP BY platform
)

SELECT
    segment_size.segment_id,
    segment_size.title,
    segment_size.platform,
    segment_size.segment_people,
    segment_size.reached_people,
    segment_size.everyone_people,
    data_days.data_from,
    data_days.data_on
FROM mart.segment_size
LEFT JOIN data_days ON segment_size.platform = data_days.platform
ORDER BY segment_id, platform
