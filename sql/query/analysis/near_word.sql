-- One row per word that the segment's rules do not use and kind of person: those of that kind who say it.
-- Words that too few of the segment say are left out: no word of fewer people ever leaves.
WITH used_words AS (
    SELECT DISTINCT trim(regexp_replace(lower(strip_accents(phrase)), '[^\p{L}\p{N}]+', ' ', 'g')) AS word
    FROM temp.suggest_used_phrase
),

kinds AS (
    SELECT
        said.word,
        person.platform,
        person.in_segment,
        person.follows_enough,
        person.says_used,
        person.n_words,
        count(*) AS n_people
    FROM temp.suggest_word AS said
    INNER JOIN temp.suggest_person AS person ON said.member_key = person.member_key
    LEFT JOIN used_words ON said.word = used_words.word
    WHERE used_words.word IS NULL
    GROUP BY
        said.word,
        person.platform,
        person.in_segment,
        person.follows_enough,
        person.says_used,
        person.n_words
),

telling_words AS (
    SELECT word
    FROM kinds
    WHERE in_segment
    GROUP BY word
    HAVING sum(n_people) >= getvariable('suggest_least_people')
)

SELECT
    kinds.word AS candidate,
    kinds.word AS name,
    kinds.platform,
    kinds.in_segment,
    kinds.says_used AS has_same,
    kinds.follows_enough AS has_other,
    NOT kinds.says_used AS would_count,
    kinds.n_words AS activity,
    kinds.n_people
FROM kinds
INNER JOIN telling_words ON kinds.word = telling_words.word
