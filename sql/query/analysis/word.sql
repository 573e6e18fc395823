-- One row per present member and word of their bio that enough people use.
-- Temporary and restricted, for counting only. Folded as the word rules fold: lower case, no accents, whole words.
-- Bios only: what stands in many names is a given name.
WITH bios AS (
    SELECT
        member.member_key,
        trim(regexp_replace(lower(strip_accents(member.bio)), '[^\p{L}\p{N}]+', ' ', 'g')) AS folded_bio
    FROM stg.member
    INNER JOIN core.member AS present ON member.platform = present.platform AND member.member_key = present.member_key
    WHERE
        array_contains(getvariable('suggest_platforms'), member.platform)
        AND present.is_present
        AND member.bio IS NOT NULL
),

words AS (
    SELECT member_key, unnest(string_split(folded_bio, ' ')) AS word FROM bios
),

-- Numbers, and letters alone or in pairs, are no words here; nor is what is too long to be one.
said_words AS (
    SELECT DISTINCT member_key, word
    FROM words
    WHERE length(word) BETWEEN 3 AND 30 AND NOT regexp_matches(word, '^[0-9]+$')
),

common_words AS (
    SELECT word
    FROM said_words
    GROUP BY word
    HAVING count(*) >= getvariable('suggest_least_people')
)

SELECT said_words.member_key, said_words.word
FROM said_words
INNER JOIN common_words ON said_words.word = common_words.word
