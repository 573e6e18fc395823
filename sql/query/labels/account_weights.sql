-- One row per account: its weight in the score, both fields taken together.
WITH weighed_accounts AS (
    SELECT
        account.account_id,
        run.segment_id = $segment_id AS is_positive,
        CASE WHEN run.segment_id = $segment_id THEN $w_positive ELSE $w_negative END * weight.log_odds_z
            AS log_odds_z
    FROM expansion.account_weight AS weight
    INNER JOIN expansion.run ON weight.run_no = run.run_no
    INNER JOIN expansion.account ON weight.account_no = account.account_no
    INNER JOIN expansion.guard
        ON run.segment_id = guard.segment_id AND run.platform = guard.platform AND run.channel = guard.channel
    WHERE
        run.fold = 0
        AND run.segment_id IN ($segment_id, $rejected)
        AND run.platform = $platform
        AND run.channel = $channel
        AND guard.guard IN ('good', 'weak')
)

SELECT account_id, CAST(round(sum(log_odds_z), 9) AS DECIMAL(18, 9)) AS log_odds_z
FROM weighed_accounts
GROUP BY account_id
HAVING bool_or(is_positive)
