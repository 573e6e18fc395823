-- One row: how many accounts and kinds of data there are, how many are fresh, and the newest day of any.
SELECT
    count(*) AS n_kinds,
    count(*) FILTER (WHERE freshness_status = 'fresh') AS n_fresh,
    count(*) FILTER (WHERE freshness_status IN ('late', 'missing')) AS n_stale,
    max(newest_on) AS newest_on
FROM meta.freshness
