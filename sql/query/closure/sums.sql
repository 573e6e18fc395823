-- One row per segment, audience and measure: sums over people of the weekly share before (a) and after (b) the closure,
-- and of their squares and product. `closure_before` has a bit for each week before.
WITH shares AS (
    SELECT
        segment_id,
        account_id,
        measure,
        p,
        bit_count(weeks & getvariable('closure_before')) / getvariable('closure_n_before') AS a,
        bit_count(weeks & ~CAST(getvariable('closure_before') AS BIGINT)) / getvariable('closure_n_after') AS b
    FROM closure_measured
)

SELECT
    segment_id,
    account_id,
    measure,
    count(*) AS n_members,
    sum(p) AS people,
    sum(p * a) AS before,
    sum(p * b) AS after,
    sum(p * p * a * a) AS aa,
    sum(p * p * a * b) AS ab,
    sum(p * p * b * b) AS bb
FROM shares
GROUP BY segment_id, account_id, measure
ORDER BY segment_id, account_id, measure
