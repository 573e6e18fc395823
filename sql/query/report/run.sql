-- One row: the published run that a snapshot is named for, else the last one published.
SELECT run_id, as_of FROM meta.run
WHERE status = 'published'
ORDER BY run_id = $name DESC, started_at DESC, run_id DESC
LIMIT 1
