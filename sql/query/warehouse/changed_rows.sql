-- One row per source, account and kind: rows that came for the day of the night, beside the delivery before and the
-- mean of the last four same weekdays. A source that brought something within five weeks and nothing now has no n_rows.
-- A change has a reason where it is beyond chance: three standard deviations of a Poisson count.
WITH lists AS (
    SELECT
        source,
        platform,
        account_id,
        CASE WHEN list_kind IN ('follower', 'post') THEN list_kind ELSE 'engagement' END AS kind,
        snapshot_on,
        sum(n_collected) AS n_rows
    FROM meta.completeness
    WHERE snapshot_on <= getvariable('as_of')
    GROUP BY ALL
    UNION ALL
    SELECT
        source,
        NULL AS platform,
        NULL AS account_id,
        table_name AS kind,
        snapshot_on,
        sum(n_rows) AS n_rows
    FROM meta.delivery
    WHERE table_name IN ('account_day', 'contact') AND snapshot_on <= getvariable('as_of')
    GROUP BY ALL
),

days AS (
    SELECT
        source,
        platform,
        account_id,
        kind,
        max(CASE WHEN snapshot_on = getvariable('as_of') THEN n_rows END) AS n_rows,
        max(CASE WHEN snapshot_on < getvariable('as_of') THEN snapshot_on END) AS before_on,
        max_by(n_rows, snapshot_on) FILTER (WHERE snapshot_on < getvariable('as_of')) AS n_rows_before,
        avg(n_rows) FILTER (
            WHERE date_diff('day', snapshot_on, getvariable('as_of')) IN (7, 14, 21, 28)
        ) AS n_rows_usual
    FROM lists
    GROUP BY source, platform, account_id, kind
    HAVING date_diff('day', max(snapshot_on), getvariable('as_of')) <= 35
)

SELECT
    CAST(getvariable('as_of') AS DATE) AS as_of,
    'rows' AS change_of,
    source,
    platform,
    account_id,
    kind,
    CAST(NULL AS VARCHAR) AS segment_id,
    before_on,
    CAST(NULL AS VARCHAR) AS changed_from,
    CAST(NULL AS VARCHAR) AS changed_to,
    CAST(n_rows AS BIGINT) AS n_rows,
    CAST(n_rows_before AS BIGINT) AS n_rows_before,
    n_rows_usual,
    CASE
        WHEN n_rows IS NULL AND n_rows_usual >= 9 THEN 'nothing came; on this weekday something usually does'
        WHEN n_rows IS NULL THEN NULL
        WHEN before_on IS NULL THEN 'came for the first time'
        WHEN abs(n_rows - n_rows_before) <= 3 * sqrt(n_rows_before) THEN NULL
        WHEN n_rows < 0.8 * n_rows_before THEN 'less than four fifths of the delivery before'
        WHEN n_rows > 1.25 * n_rows_before THEN 'more than five quarters of the delivery before'
    END AS change_reason
FROM days
