-- One row per problem of a file's rows (temp.arrived_problem): how many rows have it, and the first five of them.
WITH row_problem AS (
    SELECT
        row_number,
        unnest(row_problems) AS problem
    FROM temp.arrived_problem
)

SELECT
    problem,
    count(*) AS n_rows,
    min(row_number, 5) AS first_rows
FROM row_problem
GROUP BY problem
ORDER BY min(row_number), problem
