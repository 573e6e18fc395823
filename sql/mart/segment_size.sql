-- One row per segment and platform with lists of people: how many belong, and how many any of our accounts reaches.
-- Sizes of two platforms are never added: one person may be on both, and nobody is matched.
WITH sizes AS (
    SELECT
        segment_id,
        platform,
        sum(CAST(people AS DECIMAL(18, 6))) AS segment_people,
        sum(CASE WHEN array_length(account_ids) > 0 THEN CAST(people AS DECIMAL(18, 6)) ELSE 0 END) AS reached_people
    FROM mart.reach_signature
    WHERE basis = 'follower'
    GROUP BY segment_id, platform
),

segments AS (
    SELECT segment_id, title, definition_hash FROM ref.segment
    UNION ALL
    SELECT 'everyone' AS segment_id, 'Everyone seen' AS title, CAST(NULL AS VARCHAR) AS definition_hash
),

platforms AS (
    SELECT platform, segment_people AS everyone_people FROM sizes
    WHERE segment_id = 'everyone'
)

SELECT
    CAST(getvariable('as_of') AS DATE) AS as_of,
    segments.segment_id,
    platforms.platform,
    segments.title,
    CAST(round(coalesce(sizes.segment_people, 0)) AS BIGINT) AS segment_people,
    CAST(round(coalesce(sizes.reached_people, 0)) AS BIGINT) AS reached_people,
    CAST(round(platforms.everyone_people) AS BIGINT) AS everyone_people,
    coalesce(sizes.segment_people, 0) / nullif(platforms.everyone_people, 0) AS everyone_share,
    segments.definition_hash
FROM segments
CROSS JOIN platforms
LEFT JOIN sizes ON segments.segment_id = sizes.segment_id AND platforms.platform = sizes.platform
