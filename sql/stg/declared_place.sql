-- One row per text that people declared as their place: the place it names, and the rule that read it.
-- Each different text is read once. Of names within names the longest counts (New England is not England), a town
-- beside a county or country is the one that lies there, and a text that names this country and another is not read.
WITH declared AS (
    SELECT DISTINCT location FROM stg.member
    WHERE location IS NOT NULL
),

-- The flags of England, Scotland and Wales are spelt with invisible letters.
spelt AS (
    SELECT
        location,
        regexp_replace(
            regexp_replace(
                regexp_replace(
                    regexp_replace(
                        regexp_replace(
                            lower(strip_accents(location)),
                            '\x{1F3F4}\x{E0067}\x{E0062}\x{E0065}\x{E006E}\x{E0067}\x{E007F}', ' | england | ', 'g'
                        ),
                        '\x{1F3F4}\x{E0067}\x{E0062}\x{E0073}\x{E0063}\x{E0074}\x{E007F}', ' | scotland | ', 'g'
                    ),
                    '\x{1F3F4}\x{E0067}\x{E0062}\x{E0077}\x{E006C}\x{E0073}\x{E007F}', ' | wales | ', 'g'
                ),
                '[''’.]', '', 'g'
            ),
            '&', ' and ', 'g'
        ) AS text
    FROM declared
),

-- Words; a stroke where a comma, a slash, a dash or a picture parts them. A flag is a part of its own, at the end.
folded AS (
    SELECT
        location,
        trim(
            regexp_replace(
                regexp_replace(text, '[^\p{L}\p{N} _-]+| -+ ', ' | ', 'g')
                || ' | ' || regexp_extract(text, '[\x{1F1E6}-\x{1F1FF}]{2,}'),
                '[ _-]+', ' ', 'g'
            )
        ) AS words
    FROM spelt
),

cut AS (
    SELECT location, words, unnest(string_split(words, '|')) AS part
    FROM folded
),

parts AS (
    SELECT DISTINCT location, ' ' || words || ' ' AS words, trim(part) AS part
    FROM cut
    WHERE trim(part) <> ''
),

part_words AS (
    SELECT location, words, part, unnest(string_split(part, ' ')) AS word
    FROM parts
),

-- How many words of a part say more than "near" or "north of".
part_sizes AS (
    SELECT part_words.location, part_words.part, count(*) - count(place_word.word) AS n_words
    FROM part_words
    LEFT JOIN ref.place_word ON part_words.word = place_word.word AND place_word.role = 'filler'
    GROUP BY part_words.location, part_words.part
),

name_words AS (
    SELECT DISTINCT place_name, unnest(string_split(place_name, ' ')) AS word
    FROM ref.gazetteer
    WHERE place_kind <> 'outcode'
),

place_names AS (
    SELECT
        name_words.place_name,
        split_part(name_words.place_name, ' ', 1) AS first_word,
        array_length(string_split(name_words.place_name, ' ')) - count(place_word.word) AS n_words
    FROM name_words
    LEFT JOIN ref.place_word ON name_words.word = place_word.word AND place_word.role = 'filler'
    GROUP BY name_words.place_name
),

found AS (
    SELECT DISTINCT
        part_words.location,
        part_words.part,
        place_names.place_name AS written,
        place_names.place_name,
        FALSE AS is_outcode,
        place_names.n_words,
        strpos(part_words.words, ' ' || place_names.place_name || ' ') AS starts_at
    FROM part_words
    INNER JOIN place_names ON part_words.word = place_names.first_word
    WHERE contains(' ' || part_words.part || ' ', ' ' || place_names.place_name || ' ')
    UNION ALL
    SELECT DISTINCT
        location,
        part,
        word AS written,
        regexp_extract(word, '^[a-z]+') AS place_name,
        TRUE AS is_outcode,
        1 AS n_words,
        strpos(words, ' ' || word || ' ') AS starts_at
    FROM part_words
    WHERE regexp_matches(word, '^[a-z]{1,2}[0-9][0-9a-z]?$') AND NOT contains(part, 'the ' || word)
),

ends AS (
    SELECT
        *,
        max(starts_at + length(written)) OVER (
            PARTITION BY location
            ORDER BY starts_at ASC, length(written) DESC
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS named_until
    FROM found
),

-- A name within a longer one is not meant.
mentions AS (
    SELECT location, part, written, place_name, is_outcode, n_words, starts_at
    FROM ends
    WHERE named_until IS NULL OR starts_at + length(written) > named_until
),

-- A part that names places and says nothing else.
bare_parts AS (
    SELECT part_sizes.location, part_sizes.part
    FROM part_sizes
    INNER JOIN mentions ON part_sizes.location = mentions.location AND part_sizes.part = mentions.part
    GROUP BY part_sizes.location, part_sizes.part, part_sizes.n_words
    HAVING part_sizes.n_words <= sum(mentions.n_words)
),

-- A code of a state (MA) counts as a part of its own after another; a word of every day as a part of its own; a road
-- (the M62) is no postcode.
named_places AS (
    SELECT
        mentions.location,
        mentions.starts_at,
        gazetteer.place_no,
        gazetteer.place,
        gazetteer.place_kind,
        gazetteer.within,
        gazetteer.county,
        gazetteer.region,
        gazetteer.country,
        gazetteer.home_band,
        gazetteer.place_people,
        gazetteer.is_namesake_choice,
        gazetteer.is_known_among_words,
        gazetteer.place_kind IN ('own', 'town') AS is_town,
        bare_parts.part IS NOT NULL AS is_bare
    FROM mentions
    INNER JOIN ref.gazetteer
        ON
            mentions.place_name = gazetteer.place_name
            AND mentions.is_outcode = (gazetteer.place_kind = 'outcode')
    LEFT JOIN bare_parts ON mentions.location = bare_parts.location AND mentions.part = bare_parts.part
    LEFT JOIN ref.place_word ON mentions.place_name = place_word.word AND place_word.role = 'ordinary'
    WHERE
        (gazetteer.place_kind <> 'code' OR (mentions.part = mentions.written AND mentions.starts_at > 2))
        AND (
            place_word.word IS NULL
            OR mentions.part = mentions.written
            OR gazetteer.place_kind = 'own'
        )
),

areas AS (
    SELECT
        location,
        starts_at,
        place,
        place_kind = 'code' AS is_code,
        place_kind IN ('county', 'area', 'region', 'nation') AS is_at_home,
        CASE
            WHEN place_kind IN ('county', 'area', 'region') THEN 'town_in_county'
            WHEN place_kind IN ('nation', 'union') THEN 'town_in_nation'
            ELSE 'town_abroad'
        END AS place_rule_id
    FROM named_places
    WHERE place_kind NOT IN ('own', 'town', 'outcode')
),

towns_in_areas AS (
    SELECT named_places.location, named_places.starts_at, named_places.place_no, areas.place, areas.place_rule_id
    FROM named_places
    INNER JOIN areas
        ON
            named_places.location = areas.location
            AND named_places.starts_at <> areas.starts_at
            AND array_contains(named_places.within, areas.place)
    WHERE named_places.place_kind = 'town'
),

-- Mentions that another part of the text moves elsewhere: an own place's namesake lies in an area that is named, or the
-- code of a state abroad follows (York, PA), whether or not its York is known; or a county or nation of ours is named
-- that the town does not lie in: the one that does is too small to be known.
moved AS (
    SELECT DISTINCT named_places.location, named_places.starts_at, named_places.place_no
    FROM named_places
    INNER JOIN towns_in_areas
        ON named_places.location = towns_in_areas.location AND named_places.starts_at = towns_in_areas.starts_at
    WHERE named_places.place_kind = 'own' AND NOT array_contains(named_places.within, towns_in_areas.place)
    UNION
    SELECT DISTINCT named_places.location, named_places.starts_at, named_places.place_no
    FROM named_places
    INNER JOIN areas ON named_places.location = areas.location AND named_places.starts_at < areas.starts_at
    LEFT JOIN towns_in_areas
        ON
            named_places.location = towns_in_areas.location
            AND named_places.starts_at = towns_in_areas.starts_at
            AND named_places.place_no = towns_in_areas.place_no
    WHERE areas.is_code AND named_places.is_town AND towns_in_areas.location IS NULL
    UNION
    SELECT DISTINCT named_places.location, named_places.starts_at, named_places.place_no
    FROM named_places
    INNER JOIN areas ON named_places.location = areas.location AND named_places.starts_at <> areas.starts_at
    LEFT JOIN towns_in_areas
        ON
            named_places.location = towns_in_areas.location
            AND named_places.starts_at = towns_in_areas.starts_at
            AND named_places.place_no = towns_in_areas.place_no
    WHERE areas.is_at_home AND named_places.place_kind = 'town' AND towns_in_areas.location IS NULL
),

-- Every rule that could read a mention, by each place of that name.
ways AS (
    SELECT location, starts_at, place_no, 'own_place' AS place_rule_id
    FROM named_places
    WHERE place_kind = 'own'
    UNION ALL
    SELECT location, starts_at, place_no, 'exception' AS place_rule_id
    FROM named_places
    WHERE place_kind = 'exception'
    UNION ALL
    SELECT location, starts_at, place_no, 'outcode' AS place_rule_id
    FROM named_places
    WHERE place_kind = 'outcode'
    UNION ALL
    SELECT location, starts_at, place_no, place_rule_id FROM towns_in_areas
    UNION ALL
    SELECT location, starts_at, place_no, 'county' AS place_rule_id
    FROM named_places
    WHERE place_kind IN ('county', 'area', 'region')
    UNION ALL
    SELECT location, starts_at, place_no, 'country_abroad' AS place_rule_id
    FROM named_places
    WHERE place_kind IN ('state', 'province')
    UNION ALL
    SELECT codes.location, codes.starts_at, codes.place_no, 'country_abroad' AS place_rule_id
    FROM named_places AS codes
    INNER JOIN moved ON codes.location = moved.location
    WHERE codes.place_kind = 'code'
    UNION ALL
    SELECT location, starts_at, place_no, 'largest_of_name' AS place_rule_id
    FROM named_places
    WHERE is_bare AND is_namesake_choice
    UNION ALL
    SELECT location, starts_at, place_no, 'town_among_words' AS place_rule_id
    FROM named_places
    WHERE NOT is_bare AND is_known_among_words
    UNION ALL
    SELECT location, starts_at, place_no, 'nation' AS place_rule_id
    FROM named_places
    WHERE place_kind IN ('nation', 'union')
),

ranked_ways AS (
    SELECT
        ways.location,
        ways.starts_at,
        ways.place_no,
        ways.place_rule_id,
        place_rule.place_rule_no,
        row_number() OVER (
            PARTITION BY ways.location, ways.starts_at
            ORDER BY place_rule.place_rule_no ASC, named_places.place_people DESC, ways.place_no ASC
        ) AS way_no
    FROM ways
    INNER JOIN ref.place_rule ON ways.place_rule_id = place_rule.place_rule_id
    INNER JOIN named_places
        ON
            ways.location = named_places.location
            AND ways.starts_at = named_places.starts_at
            AND ways.place_no = named_places.place_no
    LEFT JOIN moved
        ON
            ways.location = moved.location
            AND ways.starts_at = moved.starts_at
            AND ways.place_no = moved.place_no
    WHERE moved.location IS NULL
),

readings AS (
    SELECT
        ranked_ways.location,
        ranked_ways.starts_at,
        ranked_ways.place_rule_id,
        ranked_ways.place_rule_no,
        named_places.place,
        named_places.within,
        named_places.county,
        named_places.region,
        named_places.country,
        named_places.home_band,
        named_places.is_town
    FROM ranked_ways
    INNER JOIN named_places
        ON
            ranked_ways.location = named_places.location
            AND ranked_ways.starts_at = named_places.starts_at
            AND ranked_ways.place_no = named_places.place_no
    WHERE ranked_ways.way_no = 1
),

-- An area that another place of the text lies in has said what it had to say.
covering AS (
    SELECT DISTINCT readings.location, readings.starts_at
    FROM readings
    INNER JOIN readings AS inside
        ON
            readings.location = inside.location
            AND readings.starts_at <> inside.starts_at
            AND array_contains(inside.within, readings.place)
),

meant AS (
    SELECT
        readings.*,
        row_number() OVER (
            PARTITION BY readings.location ORDER BY readings.place_rule_no ASC, readings.starts_at ASC
        ) AS choice_no,
        row_number() OVER (
            PARTITION BY readings.location
            ORDER BY CASE WHEN readings.is_town THEN 0 ELSE 1 END ASC, readings.starts_at ASC
        ) AS town_no
    FROM readings
    LEFT JOIN covering ON readings.location = covering.location AND readings.starts_at = covering.starts_at
    WHERE covering.location IS NULL
),

verdicts AS (
    SELECT
        location,
        count(DISTINCT CASE WHEN home_band = 'abroad' THEN 1 ELSE 0 END) > 1 AS is_in_two_countries,
        count(DISTINCT CASE WHEN is_town THEN home_band END) > 1 AS is_several
    FROM meant
    GROUP BY location
),

chosen AS (
    SELECT
        meant.location,
        CASE WHEN verdicts.is_several THEN 'first_of_several' ELSE meant.place_rule_id END AS place_rule_id,
        meant.place,
        meant.county,
        meant.region,
        meant.country,
        meant.home_band
    FROM meant
    INNER JOIN verdicts ON meant.location = verdicts.location
    WHERE
        NOT verdicts.is_in_two_countries
        AND CASE WHEN verdicts.is_several THEN meant.town_no ELSE meant.choice_no END = 1
),

unread AS (
    SELECT
        named_places.location,
        max(CASE WHEN named_places.is_bare AND named_places.place_kind = 'town' THEN 1 ELSE 0 END) = 1 AS is_ambiguous
    FROM named_places
    GROUP BY named_places.location
)

SELECT
    declared.location,
    CASE
        WHEN chosen.location IS NOT NULL THEN chosen.place_rule_id
        WHEN verdicts.is_in_two_countries THEN 'two_countries'
        WHEN unread.is_ambiguous THEN 'ambiguous_name'
        ELSE 'no_place_known'
    END AS place_rule_id,
    chosen.place,
    chosen.county,
    chosen.region,
    chosen.country,
    coalesce(chosen.home_band, 'unknown') AS home_band
FROM declared
LEFT JOIN chosen ON declared.location = chosen.location
LEFT JOIN verdicts ON declared.location = verdicts.location
LEFT JOIN unread ON declared.location = unread.location
