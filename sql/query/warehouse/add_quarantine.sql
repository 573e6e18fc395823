-- Rejected rows and unusable values of table $name, counted by delivery and reason.
INSERT INTO meta.quarantine
WITH unusable_values AS (
    SELECT delivery_id, unnest(unusable_columns) AS column_name
    FROM temp.judged_row
    WHERE quarantine_reason IS NULL AND len(unusable_columns) > 0
)

SELECT
    delivery_id,
    $name AS table_name,
    'row kept out' AS quarantine_effect,
    quarantine_reason,
    count(*) AS n_rows
FROM temp.judged_row
WHERE quarantine_reason IS NOT NULL
GROUP BY delivery_id, quarantine_reason
UNION ALL
SELECT
    delivery_id,
    $name AS table_name,
    'value set to unknown' AS quarantine_effect,
    column_name || ' is unusable' AS quarantine_reason,
    count(*) AS n_rows
FROM unusable_values
GROUP BY delivery_id, column_name
