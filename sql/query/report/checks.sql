-- One row per expectation checked in run $run_id.
SELECT layer, table_name, expectation_id, severity, is_success, n_unexpected, notes
FROM meta.validation_result
WHERE run_id = $run_id
ORDER BY layer, table_name, expectation_id
