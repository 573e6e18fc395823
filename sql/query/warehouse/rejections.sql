-- One row per reason why rows of a delivery were rejected, the three largest of deliveries beyond the share allowed.
SELECT
    quarantine.delivery_id,
    quarantine.table_name,
    quarantine.quarantine_reason,
    quarantine.n_rows
FROM meta.quarantine
INNER JOIN meta.delivery
    ON quarantine.delivery_id = delivery.delivery_id AND quarantine.table_name = delivery.table_name
WHERE
    quarantine.quarantine_effect = 'row kept out'
    AND (delivery.n_rows_loaded = 0 OR delivery.n_rows_quarantined > $share * delivery.n_rows)
ORDER BY quarantine.n_rows DESC, quarantine.delivery_id ASC, quarantine.table_name ASC, quarantine.quarantine_reason ASC
LIMIT 3
