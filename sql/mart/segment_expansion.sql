-- One row per segment, platform and channel: how far the seeds' connections tell who else belongs, and to how many.
-- The size is unaudited: from the seeds alone to all who rank like them, if the seeds are like those not yet known.
WITH scopes AS (
    SELECT platform, channel, count(*) AS n_connected FROM expansion.member
    GROUP BY platform, channel
),

seed_counts AS (
    SELECT segment_id, platform, channel, count(*) AS n_seeds FROM expansion.seed
    GROUP BY segment_id, platform, channel
),

judged AS (
    SELECT
        segment.segment_id,
        scopes.platform,
        scopes.channel,
        coalesce(seed_counts.n_seeds, 0) AS n_seeds,
        guard.n_scored,
        guard.auc,
        guard.auc_se,
        CASE
            WHEN segment.expansion = 'rules_only' THEN 'off'
            ELSE coalesce(guard.guard, 'too few seeds')
        END AS guard,
        guard.segment_people_hi
    FROM ref.segment
    CROSS JOIN scopes
    LEFT JOIN seed_counts
        ON
            segment.segment_id = seed_counts.segment_id
            AND scopes.platform = seed_counts.platform
            AND scopes.channel = seed_counts.channel
    LEFT JOIN expansion.guard
        ON
            segment.segment_id = guard.segment_id
            AND scopes.platform = guard.platform
            AND scopes.channel = guard.channel
)

SELECT
    CAST(getvariable('as_of') AS DATE) AS as_of,
    segment_id,
    platform,
    channel,
    n_seeds,
    CASE WHEN guard IN ('good', 'weak') THEN n_scored END AS n_scored,
    auc,
    auc_se,
    guard,
    CASE guard
        WHEN 'off' THEN 'expansion is switched off for this segment'
        WHEN 'too few seeds' THEN 'fewer than 10 seeds to learn from and to be tested on'
        WHEN 'refused' THEN 'seeds held out do not surely rank above others: these accounts do not describe the segment'
        WHEN 'weak' THEN 'seeds held out rank only a little above others'
        ELSE 'seeds held out rank clearly above others'
    END AS guard_reason,
    CASE WHEN guard IN ('good', 'weak') THEN n_seeds END AS segment_people_lo,
    CASE WHEN guard IN ('good', 'weak') THEN segment_people_hi END AS segment_people_hi
FROM judged
