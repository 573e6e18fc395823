-- One row per action that differs from that of the snapshot before, with the conditions of the two rules that turned.
WITH turned AS (
    SELECT
        checks.platform,
        checks.account_id,
        string_agg(
            DISTINCT
            checks.measure || ' was ' || coalesce(CAST(round(checks_before.value, 3) AS VARCHAR), 'not known')
            || ' and is ' || coalesce(CAST(round(checks.value, 3) AS VARCHAR), 'not known'), '; '
        ) AS measures
    FROM mart.decision_check AS checks
    INNER JOIN last_night.mart.decision_check AS checks_before
        ON
            checks.platform = checks_before.platform
            AND checks.account_id = checks_before.account_id
            AND checks.rule_id = checks_before.rule_id
            AND checks.condition_no = checks_before.condition_no
            AND checks.is_held <> checks_before.is_held
    INNER JOIN mart.decision AS actions
        ON checks.platform = actions.platform AND checks.account_id = actions.account_id
    INNER JOIN last_night.mart.decision AS actions_before
        ON checks.platform = actions_before.platform AND checks.account_id = actions_before.account_id
    WHERE checks.rule_id IN (actions.rule_id, actions_before.rule_id)
    GROUP BY checks.platform, checks.account_id
)

SELECT
    actions.as_of,
    'action' AS change_of,
    CAST(NULL AS VARCHAR) AS source,
    actions.platform,
    actions.account_id,
    CAST(NULL AS VARCHAR) AS kind,
    CAST(NULL AS VARCHAR) AS segment_id,
    actions_before.as_of AS before_on,
    actions_before.action AS changed_from,
    actions.action AS changed_to,
    CAST(NULL AS BIGINT) AS n_rows,
    CAST(NULL AS BIGINT) AS n_rows_before,
    CAST(NULL AS DOUBLE) AS n_rows_usual,
    CASE
        WHEN actions.rule_id = 'extract_is_late' THEN actions.decision_reason
        WHEN actions.rules_hash <> actions_before.rules_hash THEN 'the rules changed'
        ELSE coalesce(turned.measures, 'judged together with accounts that would close, too')
    END AS change_reason
FROM mart.decision AS actions
INNER JOIN last_night.mart.decision AS actions_before
    ON actions.platform = actions_before.platform AND actions.account_id = actions_before.account_id
LEFT JOIN turned ON actions.platform = turned.platform AND actions.account_id = turned.account_id
WHERE actions.action <> actions_before.action
