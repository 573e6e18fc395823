-- One row per rule on words, places or tags, and time in which it holds for a person; never the words themselves.
-- Words hold from the day they were shown until others are, and for 180 days at most: then they are forgotten. They
-- are compared folded: lower case, no accents, whole words only ("biker" is not in "bikers").
WITH shown_words AS (
    SELECT platform, member_key, profile_on AS shown_on, bio, name, location FROM stg.profile
    UNION ALL
    SELECT platform, member_key, profile_on AS shown_on, bio, name, location FROM prior.member
    WHERE coalesce(bio, name, location) IS NOT NULL
),

folded_words AS (
    SELECT
        platform,
        member_key,
        shown_on,
        lead(shown_on) OVER (PARTITION BY member_key ORDER BY shown_on) AS next_shown_on,
        trim(regexp_replace(lower(strip_accents(coalesce(bio, ''))), '[^\p{L}\p{N}]+', ' ', 'g')) || ' | '
        || trim(regexp_replace(lower(strip_accents(coalesce(name, ''))), '[^\p{L}\p{N}]+', ' ', 'g')) AS words,
        trim(regexp_replace(lower(strip_accents(coalesce(location, ''))), '[^\p{L}\p{N}]+', ' ', 'g')) AS place_words
    FROM shown_words
),

spells_of_words AS (
    SELECT
        platform,
        member_key,
        words,
        place_words,
        shown_on,
        least(coalesce(next_shown_on, shown_on + 180), shown_on + 180) AS shown_to,
        next_shown_on IS NULL OR next_shown_on > shown_on + 180 AS is_forgotten
    FROM folded_words
),

phrases AS (
    SELECT
        rule.rule_hash,
        rule.least,
        trim(regexp_replace(lower(strip_accents(rule_value.value)), '[^\p{L}\p{N}]+', ' ', 'g')) AS phrase
    FROM ref.rule
    INNER JOIN ref.rule_value ON rule.rule_hash = rule_value.rule_hash
    WHERE rule.evidence_kind = 'word'
),

-- A phrase can only stand where its first word does: the join is by one word, not everybody by every phrase.
first_words AS (
    SELECT DISTINCT split_part(phrase, ' ', 1) AS first_word FROM phrases
),

different_words AS (
    SELECT DISTINCT words FROM spells_of_words
),

said_words AS (
    SELECT words, unnest(string_split(words, ' ')) AS word
    FROM different_words
),

promising_words AS (
    SELECT DISTINCT said_words.words, said_words.word
    FROM said_words
    INNER JOIN first_words ON said_words.word = first_words.first_word
),

word_rules AS (
    SELECT phrases.rule_hash, promising_words.words
    FROM promising_words
    INNER JOIN phrases ON promising_words.word = split_part(phrases.phrase, ' ', 1)
    WHERE contains(' ' || promising_words.words || ' ', ' ' || phrases.phrase || ' ')
    GROUP BY phrases.rule_hash, promising_words.words
    HAVING count(DISTINCT phrases.phrase) >= max(phrases.least)
),

known_places AS (
    SELECT trim(regexp_replace(lower(strip_accents(place)), '[^\p{L}\p{N}]+', ' ', 'g')) AS place FROM ref.place
),

different_places AS (
    SELECT DISTINCT place_words FROM spells_of_words
    WHERE place_words <> ''
),

said_places AS (
    SELECT place_words, unnest(string_split(place_words, ' ')) AS word
    FROM different_places
),

-- Of several places in one declaration the longest name is meant: "North Kelderby" is not Kelderby.
declared_places AS (
    SELECT
        said_places.place_words,
        known_places.place,
        row_number() OVER (
            PARTITION BY said_places.place_words ORDER BY length(known_places.place) DESC, known_places.place ASC
        ) AS guess
    FROM said_places
    INNER JOIN known_places ON said_places.word = split_part(known_places.place, ' ', 1)
    WHERE contains(' ' || said_places.place_words || ' ', ' ' || known_places.place || ' ')
),

place_rules AS (
    SELECT rule.rule_hash, declared_places.place_words
    FROM ref.rule
    INNER JOIN ref.rule_value ON rule.rule_hash = rule_value.rule_hash
    INNER JOIN declared_places
        ON
            trim(regexp_replace(lower(strip_accents(rule_value.value)), '[^\p{L}\p{N}]+', ' ', 'g'))
            = declared_places.place
    WHERE rule.evidence_kind = 'place' AND declared_places.guess = 1
),

uses_of_tags AS (
    SELECT platform, member_key, tag, used_on FROM prior.member_tag
    UNION
    SELECT platform, member_key, tag, used_on FROM stg.tag
),

first_shown_tonight AS (
    SELECT member_key, min(profile_on) AS shown_on
    FROM stg.profile
    GROUP BY member_key
),

matches AS (
    SELECT
        word_rules.rule_hash,
        spells_of_words.platform,
        spells_of_words.member_key,
        spells_of_words.shown_on AS hit_from,
        spells_of_words.shown_to AS hit_to,
        spells_of_words.is_forgotten
    FROM spells_of_words
    INNER JOIN word_rules ON spells_of_words.words = word_rules.words
    UNION ALL
    SELECT
        place_rules.rule_hash,
        spells_of_words.platform,
        spells_of_words.member_key,
        spells_of_words.shown_on AS hit_from,
        spells_of_words.shown_to AS hit_to,
        spells_of_words.is_forgotten
    FROM spells_of_words
    INNER JOIN place_rules ON spells_of_words.place_words = place_rules.place_words
    UNION ALL
    SELECT
        rule.rule_hash,
        uses_of_tags.platform,
        uses_of_tags.member_key,
        uses_of_tags.used_on AS hit_from,
        uses_of_tags.used_on + rule.within_days AS hit_to,
        FALSE AS is_forgotten
    FROM ref.rule
    INNER JOIN ref.rule_value ON rule.rule_hash = rule_value.rule_hash
    INNER JOIN uses_of_tags
        ON regexp_replace(lower(strip_accents(rule_value.value)), '[^\p{L}\p{N}]+', '', 'g') = uses_of_tags.tag
    WHERE rule.evidence_kind = 'tag'
    UNION ALL
    -- Last night's hits hold on until other words are shown.
    SELECT
        before.rule_hash,
        before.platform,
        before.member_key,
        before.hit_from,
        CASE
            WHEN rule.evidence_kind <> 'tag' AND first_shown_tonight.shown_on < before.hit_to
                THEN first_shown_tonight.shown_on
            ELSE before.hit_to
        END AS hit_to,
        before.is_forgotten
        AND (first_shown_tonight.shown_on IS NULL OR first_shown_tonight.shown_on > before.hit_to) AS is_forgotten
    FROM prior.word_hit AS before
    INNER JOIN ref.rule ON before.rule_hash = rule.rule_hash
    LEFT JOIN first_shown_tonight ON before.member_key = first_shown_tonight.member_key
),

-- A rule counts while a definition with it was valid: what it would have hit before was never asked.
counted_matches AS (
    SELECT
        matches.rule_hash,
        matches.platform,
        matches.member_key,
        greatest(matches.hit_from, rule_range.in_force_from) AS hit_from,
        least(matches.hit_to, rule_range.in_force_to) AS hit_to,
        matches.is_forgotten AND matches.hit_to <= rule_range.in_force_to AS is_forgotten
    FROM matches
    INNER JOIN ref.rule_range ON matches.rule_hash = rule_range.rule_hash
    WHERE matches.hit_from < rule_range.in_force_to AND matches.hit_to > rule_range.in_force_from
),

ordered_matches AS (
    SELECT
        *,
        max(hit_to) OVER (
            PARTITION BY rule_hash, member_key
            ORDER BY hit_from, hit_to ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS held_to
    FROM counted_matches
    WHERE hit_from < hit_to
),

numbered_matches AS (
    SELECT
        *,
        sum(CASE WHEN hit_from <= held_to THEN 0 ELSE 1 END) OVER (
            PARTITION BY rule_hash, member_key ORDER BY hit_from, hit_to
        ) AS spell_number
    FROM ordered_matches
)

SELECT
    rule_hash,
    platform,
    member_key,
    min(hit_from) AS hit_from,
    max(hit_to) AS hit_to,
    max_by(is_forgotten, hit_to) AS is_forgotten
FROM numbered_matches
GROUP BY rule_hash, platform, member_key, spell_number
