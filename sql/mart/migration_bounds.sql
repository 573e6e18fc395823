-- One row per segment and pair of platforms: at most how many of its people can have gone from the one to the other.
-- Nobody is matched between platforms: whoever went and whoever came may be different people, so that the lower bound
-- is nobody; the upper one is the smaller of the two, over those of the last 13 weeks in which lists show both.
WITH weekly_flows AS (
    SELECT segment_id, platform, week_on, departed_people, arrived_people
    FROM mart.community_flow
    WHERE week_on > getvariable('as_of') - INTERVAL 91 DAY
),

pairs AS (
    SELECT
        gone.segment_id,
        gone.platform AS from_platform,
        came.platform AS to_platform,
        CASE WHEN gone.departed_people IS NOT NULL AND came.arrived_people IS NOT NULL THEN 1 ELSE 0 END AS is_known,
        gone.departed_people,
        came.arrived_people
    FROM weekly_flows AS gone
    INNER JOIN weekly_flows AS came
        ON
            gone.segment_id = came.segment_id
            AND gone.week_on = came.week_on
            AND gone.platform <> came.platform
),

totals AS (
    SELECT
        segment_id,
        from_platform,
        to_platform,
        sum(is_known) AS n_weeks,
        sum(CASE WHEN is_known = 1 THEN departed_people END) AS departed_people,
        sum(CASE WHEN is_known = 1 THEN arrived_people END) AS arrived_people
    FROM pairs
    GROUP BY segment_id, from_platform, to_platform
)

SELECT
    CAST(getvariable('as_of') AS DATE) AS as_of,
    segment_id,
    from_platform,
    to_platform,
    CAST(n_weeks AS BIGINT) AS n_weeks,
    CAST(departed_people AS BIGINT) AS departed_people,
    CAST(arrived_people AS BIGINT) AS arrived_people,
    CASE WHEN n_weeks > 0 THEN CAST(0 AS BIGINT) END AS migration_people_lo,
    CASE WHEN n_weeks > 0 THEN CAST(least(departed_people, arrived_people) AS BIGINT) END AS migration_people_hi,
    CASE WHEN n_weeks = 0 THEN 'no week in which lists show both' END AS bounds_reason
FROM totals
