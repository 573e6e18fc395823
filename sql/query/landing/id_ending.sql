-- One row per length and number of zeros at the end of the numeric ids of 16 and more digits (temp.arrived_id): how
-- many different ids. Of very many, one in $one_in is looked at, chosen by its hash.
SELECT
    len(id) AS n_digits,
    len(id) - len(rtrim(id, '0')) AS n_zeros,
    count(DISTINCT id) AS n_ids
FROM temp.arrived_id
WHERE regexp_full_match(id, '[1-9]\d{15,}') AND hash(id) % $one_in = 0
GROUP BY ALL
