-- One row: how many rows a file has (temp.arrived_key), and about how many different keys they hold.
SELECT
    count(*) AS n_rows,
    approx_count_distinct(row_key) AS n_keys_about
FROM temp.arrived_key
