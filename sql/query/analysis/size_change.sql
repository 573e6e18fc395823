-- One row per platform: the size of segment $segment_id at the end of two days, and the net people by cause between.
WITH changes AS (
    SELECT
        platform,
        cause,
        people_in - people_out AS net_people,
        changed_on <= $first AS is_before,
        changed_on > $first AND changed_on <= $last AS is_between
    FROM mart.segment_change
    WHERE segment_id = $segment_id
)

SELECT
    platform,
    CAST(sum(CASE WHEN is_before THEN net_people ELSE 0 END) AS BIGINT) AS people_first,
    CAST(sum(CASE WHEN is_between AND cause = 'people in' THEN net_people ELSE 0 END) AS BIGINT) AS "people in",
    CAST(sum(CASE WHEN is_between AND cause = 'people out' THEN net_people ELSE 0 END) AS BIGINT) AS "people out",
    CAST(sum(CASE WHEN is_between AND cause = 'rule edits' THEN net_people ELSE 0 END) AS BIGINT) AS "rule edits",
    CAST(sum(CASE WHEN is_between AND cause = 'new extracts' THEN net_people ELSE 0 END) AS BIGINT) AS "new extracts",
    CAST(sum(CASE WHEN is_between AND cause = 'lost extracts' THEN net_people ELSE 0 END) AS BIGINT) AS "lost extracts",
    CAST(sum(CASE WHEN is_between AND cause = 're-audits' THEN net_people ELSE 0 END) AS BIGINT) AS "re-audits",
    CAST(sum(CASE WHEN is_before OR is_between THEN net_people ELSE 0 END) AS BIGINT) AS people_last
FROM changes
GROUP BY platform
ORDER BY platform
