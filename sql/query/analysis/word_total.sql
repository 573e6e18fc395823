-- One row per word: how many present members say it.
SELECT word, count(*) AS n_people
FROM temp.suggest_word
GROUP BY word
