-- One row per length and number of zeros at the end of the numeric ids (temp.arrived_id): how many different ids. Those
-- of up to 15 digits have the length 0. Of very many, one in $one_in is looked at, chosen by its hash.
SELECT
    CASE WHEN len(id) > 15 THEN len(id) ELSE 0 END AS n_digits,
    CASE WHEN len(id) > 15 THEN len(id) - len(rtrim(id, '0')) ELSE 0 END AS n_zeros,
    count(DISTINCT id) AS n_ids
FROM temp.arrived_id
WHERE regexp_full_match(id, '[1-9]\d*') AND hash(id) % $one_in = 0
GROUP BY ALL
