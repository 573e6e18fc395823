-- One row per source: its deliveries, their days and what became of their rows.
SELECT
    source,
    count(DISTINCT delivery_id) AS n_deliveries,
    min(snapshot_on) AS first_on,
    max(snapshot_on) AS last_on,
    string_agg(DISTINCT table_name, ', ' ORDER BY table_name) AS table_names,
    CAST(sum(n_rows) AS BIGINT) AS n_rows,
    CAST(sum(n_rows_loaded) AS BIGINT) AS n_rows_loaded,
    CAST(sum(n_rows_quarantined) AS BIGINT) AS n_rows_quarantined,
    CAST(sum(n_rows_duplicate) AS BIGINT) AS n_rows_duplicate
FROM meta.delivery
GROUP BY source
ORDER BY source
