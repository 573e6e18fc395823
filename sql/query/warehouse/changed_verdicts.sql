-- One row per verdict that differs from that of the snapshot before, with the reason it has now.
SELECT
    verdicts.as_of,
    'verdict' AS change_of,
    CAST(NULL AS VARCHAR) AS source,
    verdicts.platform,
    verdicts.account_id,
    CAST(NULL AS VARCHAR) AS kind,
    verdicts.segment_id,
    verdicts_before.as_of AS before_on,
    verdicts_before.verdict AS changed_from,
    verdicts.verdict AS changed_to,
    CAST(NULL AS BIGINT) AS n_rows,
    CAST(NULL AS BIGINT) AS n_rows_before,
    CAST(NULL AS DOUBLE) AS n_rows_usual,
    verdicts.verdict_reason AS change_reason
FROM mart.reach_verdict AS verdicts
INNER JOIN last_night.mart.reach_verdict AS verdicts_before
    ON
        verdicts.platform = verdicts_before.platform
        AND verdicts.account_id = verdicts_before.account_id
        AND verdicts.segment_id = verdicts_before.segment_id
WHERE verdicts.verdict <> verdicts_before.verdict
