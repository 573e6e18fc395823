-- One row per night, its own: from which day on people and posts count, by the days that bands.yml states.
-- `*_after_on` is the last day before a window, `*_from_on` its first: the Monday of the week that lies so far back.
WITH days AS (
    SELECT
        CAST(max(CASE WHEN band = 'recent_days' THEN value END) AS INTEGER) AS recent_days,
        CAST(max(CASE WHEN band = 'series_days' THEN value END) AS INTEGER) AS series_days,
        CAST(max(CASE WHEN band = 'moderation_days' THEN value END) AS INTEGER) AS moderation_days,
        CAST(max(CASE WHEN band = 'follower_change_days' THEN value END) AS INTEGER) AS follower_change_days,
        CAST(max(CASE WHEN band = 'forecast_days' THEN value END) AS INTEGER) AS forecast_days
    FROM ref.band
)

SELECT
    CAST(getvariable('as_of') AS DATE) AS as_of,
    recent_days,
    CAST(floor((recent_days - 6) / 7.0) AS INTEGER) AS recent_whole_weeks,
    CAST(getvariable('as_of') AS DATE) - recent_days AS recent_after_on,
    series_days,
    CAST(getvariable('as_of') AS DATE) - series_days AS series_after_on,
    CAST(date_trunc('week', CAST(getvariable('as_of') AS DATE)) AS DATE) - series_days AS series_from_on,
    CAST(date_trunc('week', CAST(getvariable('as_of') AS DATE)) AS DATE) - moderation_days AS moderation_from_on,
    follower_change_days,
    CAST(getvariable('as_of') AS DATE) - forecast_days AS forecast_after_on
FROM days
WHERE recent_days IS NOT NULL
