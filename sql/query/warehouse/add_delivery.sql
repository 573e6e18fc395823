-- What became of the rows of table $name, counted by delivery.
INSERT INTO meta.delivery
WITH rejected AS (
    SELECT delivery_id, count(*) AS n_rows_quarantined
    FROM temp.judged_row
    WHERE quarantine_reason IS NOT NULL
    GROUP BY delivery_id
)

SELECT
    landed.* REPLACE (
        coalesce(loaded_rows.n_rows_loaded, 0) AS n_rows_loaded,
        coalesce(rejected.n_rows_quarantined, 0) AS n_rows_quarantined,
        coalesce(loaded_rows.n_rows_duplicate, 0) AS n_rows_duplicate
    )
FROM temp.landed
LEFT JOIN temp.loaded_rows ON landed.delivery_id = loaded_rows.delivery_id
LEFT JOIN rejected ON landed.delivery_id = rejected.delivery_id
WHERE landed.table_name = $name
