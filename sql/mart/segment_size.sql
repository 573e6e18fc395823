-- One row per segment and platform with lists of people: how many belong, and how many any of our accounts reaches.
-- Sizes of two platforms are never added: one person may be on both, and nobody is matched. Bounds (95 %) say how many
-- of those found may truly belong (core.reach_interval); what partial lists hide is not in them.
WITH sizes AS (
    SELECT
        segment_id,
        platform,
        max(CASE WHEN counted_as = 'segment' THEN people END) AS segment_people,
        max(CASE WHEN counted_as = 'net reach' THEN people END) AS reached_people,
        max(CASE WHEN counted_as = 'net reach' THEN people_lo END) AS reached_people_lo,
        max(CASE WHEN counted_as = 'net reach' THEN people_hi END) AS reached_people_hi
    FROM core.reach_interval
    WHERE basis = 'follower' AND counted_as IN ('segment', 'net reach')
    GROUP BY segment_id, platform
),

gross AS (
    SELECT
        segment_id,
        platform,
        sum(CAST(people AS DECIMAL(18, 6)) * array_length(account_ids)) AS gross_people
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
    CAST(floor(round(coalesce(sizes.reached_people_lo, 0), 6)) AS BIGINT) AS reached_people_lo,
    CAST(ceil(round(coalesce(sizes.reached_people_hi, 0), 6)) AS BIGINT) AS reached_people_hi,
    CAST(round(platforms.everyone_people) AS BIGINT) AS everyone_people,
    coalesce(sizes.segment_people, 0) / nullif(platforms.everyone_people, 0) AS everyone_share,
    CAST(gross.gross_people AS DOUBLE) / nullif(sizes.reached_people, 0) AS frequency,
    segments.definition_hash
FROM segments
CROSS JOIN platforms
LEFT JOIN sizes ON segments.segment_id = sizes.segment_id AND platforms.platform = sizes.platform
LEFT JOIN gross ON segments.segment_id = gross.segment_id AND platforms.platform = gross.platform
