-- One row per reason why rows of a delivery were rejected or lost a value, of one source ('' for all) and day.
SELECT
    quarantine.delivery_id,
    quarantine.table_name,
    quarantine.quarantine_effect,
    quarantine.quarantine_reason,
    quarantine.n_rows
FROM meta.quarantine
INNER JOIN meta.delivery
    ON quarantine.delivery_id = delivery.delivery_id AND quarantine.table_name = delivery.table_name
WHERE $source IN ('', delivery.source) AND coalesce(delivery.snapshot_on = CAST($day AS DATE), true)
ORDER BY quarantine.delivery_id, quarantine.table_name, quarantine.n_rows, quarantine.quarantine_reason
