-- One row per source, table and reason why rows were rejected or lost a value.
SELECT
    coalesce(delivery.source, 'unknown') AS source,
    quarantine.table_name,
    quarantine.quarantine_effect,
    quarantine.quarantine_reason,
    CAST(sum(quarantine.n_rows) AS BIGINT) AS n_rows,
    max(delivery.snapshot_on) AS last_on
FROM meta.quarantine
LEFT JOIN meta.delivery
    ON quarantine.delivery_id = delivery.delivery_id AND quarantine.table_name = delivery.table_name
GROUP BY ALL
ORDER BY source, quarantine.table_name, quarantine_effect, quarantine_reason
