-- One row per platform member that appears in the files, with the profile the platform shows.
-- Members of Facebook exist in totals only and have no row. A profile stays as it is over the window.
-- joined_on: first day in any list (null = before the first drop).
-- left_on: first day in no list any more (null = stays).

CREATE TABLE platform_people AS
WITH other_platform AS (
    SELECT
        platform,
        getvariable('people') * percent // 100 AS people
    FROM (VALUES ('bluesky', 10), ('facebook', 12), ('mastodon', 8)) AS share (platform, percent)
)

SELECT
    platform,
    people::BIGINT AS people
FROM other_platform
UNION ALL
SELECT
    'x' AS platform,
    (getvariable('people') - sum(people))::BIGINT AS people
FROM other_platform
ORDER BY platform;

-- Members are numbered through the platforms; the numbers from first_no on are a platform's.
CREATE TABLE platform_range AS
SELECT
    platform,
    people AS platform_size,
    sum(people) OVER (ORDER BY platform)::BIGINT - people AS first_no,
    sum(people) OVER (ORDER BY platform)::BIGINT AS past_no
FROM platform_people
WHERE platform != 'facebook';

SET VARIABLE n_members = (SELECT max(past_no) FROM platform_range);

CREATE TABLE member AS
WITH numbered AS (
    SELECT
        platform_range.platform,
        platform_range.platform_size,
        one.member_no - platform_range.first_no AS place_in_platform,
        hash(hash(
            getvariable('seed')::BIGINT, platform_range.platform, one.member_no - platform_range.first_no
        )) AS draw_key
    FROM range(getvariable('n_members')) AS one (member_no)
    INNER JOIN platform_range
        ON one.member_no >= platform_range.first_no AND one.member_no < platform_range.past_no
),

-- Ids hold the day the account was made, as both platforms' do: so they rise, never repeat, and pass 2^53.
-- All accounts were made before 2024, whatever the window.
dated AS (
    SELECT
        *,
        CASE platform
            WHEN 'x' THEN 200000000000000000 + place_in_platform * (1400000000000000000 // platform_size)
                + (hash(draw_key) % (1400000000000000000 // platform_size)::UBIGINT)::BIGINT
            WHEN 'mastodon' THEN 109000000000000000 + place_in_platform * (2000000000000000 // platform_size)
                + (hash(draw_key) % (2000000000000000 // platform_size)::UBIGINT)::BIGINT
        END AS id_number,
        pick(draw_key, 'crowd', 100) AS percent_point
    FROM numbered
),

drawn AS (
    SELECT
        dated.draw_key,
        dated.platform,
        dated.place_in_platform,
        dated.id_number,
        crowd.crowd_no,
        crowd.community,
        crowd.p_roads,
        chance(dated.draw_key, 'local') < crowd.local_share AS is_local,
        CASE
            WHEN crowd.district IS NOT NULL THEN crowd.district
            WHEN crowd.community IS NULL THEN NULL
            WHEN chance(dated.draw_key, 'local') >= crowd.local_share THEN 'visitor'
            ELSE ['Aldermouth', 'Brackenholt', 'Kelderby', 'Stavemoor'][1 + pick(dated.draw_key, 'district', 4)]
        END AS district,
        CASE
            WHEN chance(dated.draw_key, 'bio') < 0.12 THEN 'none'
            WHEN crowd.community IS NULL AND chance(dated.draw_key, 'near') < 0.06 THEN 'near'
            WHEN chance(dated.draw_key, 'near') < 0.02 THEN 'near'
            WHEN crowd.community IS NULL OR chance(dated.draw_key, 'speaks') < 0.22 THEN 'general'
            WHEN chance(dated.draw_key, 'says') < 0.62 THEN 'says'
            ELSE 'hints'
        END AS bio_style,
        CASE
            WHEN chance(dated.draw_key, 'leaves') < crowd.leaves
                THEN getvariable('first_drop') + 1
                    + floor(chance(dated.draw_key, 'left on') * getvariable('span_days'))::INTEGER
        END::DATE AS left_on,
        CASE
            WHEN chance(dated.draw_key, 'leaves') >= 1 - crowd.joins
                THEN getvariable('first_drop') + 1
                    + floor(chance(dated.draw_key, 'joined on') * getvariable('span_days'))::INTEGER
        END::DATE AS joined_on
    FROM dated
    INNER JOIN crowd_point
        ON dated.platform = crowd_point.platform AND dated.percent_point = crowd_point.percent_point
    INNER JOIN crowd ON crowd_point.crowd_no = crowd.crowd_no
),

phrase_pool AS (
    SELECT
        community,
        tells,
        count(*)::INTEGER AS n_phrases
    FROM bio_phrase
    GROUP BY ALL
),

worded AS (
    SELECT
        drawn.*,
        bio_phrase.phrase AS lead,
        bio_tail.phrase AS tail,
        first_name.first_name,
        last_name.last_name,
        CASE
            WHEN chance(drawn.draw_key, 'place') < 0.45 THEN NULL
            WHEN drawn.is_local AND drawn.district IS NOT NULL
                THEN if(chance(drawn.draw_key, 'precise') < 0.75, 'district', 'county')
            WHEN drawn.is_local THEN 'county'
            ELSE if(chance(drawn.draw_key, 'abroad') < 0.30, 'abroad', 'uk')
        END AS place_pool
    FROM drawn
    LEFT JOIN phrase_pool
        ON
            if(drawn.bio_style = 'general', 'general public', coalesce(drawn.community, 'general public'))
            = phrase_pool.community
            AND if(drawn.bio_style = 'general', 'hints', drawn.bio_style) = phrase_pool.tells
    LEFT JOIN bio_phrase
        ON
            phrase_pool.community = bio_phrase.community
            AND phrase_pool.tells = bio_phrase.tells
            AND pick(drawn.draw_key, 'phrase', phrase_pool.n_phrases) = bio_phrase.phrase_no
    INNER JOIN bio_tail ON pick(drawn.draw_key, 'tail', getvariable('n_tails')) = bio_tail.phrase_no
    INNER JOIN first_name
        ON pick(drawn.draw_key, 'first', getvariable('n_first_names')) = first_name.first_name_no
    INNER JOIN last_name ON pick(drawn.draw_key, 'last', getvariable('n_last_names')) = last_name.last_name_no
),

place_pool AS (
    SELECT
        pool,
        count(*)::INTEGER AS n_places
    FROM place
    GROUP BY pool
)

SELECT
    worded.draw_key,
    worded.crowd_no,
    worded.platform,
    worded.community,
    worded.district,
    CASE worded.platform
        WHEN 'bluesky' THEN 'did:plc:' || translate(
            substr(md5(worded.draw_key::VARCHAR || '/' || worded.place_in_platform::VARCHAR), 1, 24), '0189', 'wxyz'
        )
        ELSE worded.id_number::VARCHAR
    END AS member_id,
    CASE worded.platform
        WHEN 'x' THEN worded.first_name || '_' || to_base(worded.place_in_platform + 1000, 36)
        WHEN 'bluesky' THEN lower(
            worded.first_name || '-' || worded.last_name || '-' || to_base(worded.place_in_platform + 1000, 36)
        ) || '.people.example'
        ELSE lower(worded.first_name || '_' || to_base(worded.place_in_platform + 1000, 36)) || '@social.example'
    END AS handle,
    CASE pick(worded.draw_key, 'name style', 5)
        WHEN 0 THEN worded.first_name
        WHEN 1 THEN worded.first_name || ' ' || left(worded.last_name, 1)
        ELSE worded.first_name || ' ' || worded.last_name
    END AS name,
    CASE
        WHEN worded.lead IS NULL THEN NULL
        WHEN worded.tail = '' THEN replace(worded.lead, '{district}', coalesce(worded.district, 'Thornmere'))
        ELSE replace(worded.lead, '{district}', coalesce(worded.district, 'Thornmere')) || '. ' || worded.tail
    END AS bio,
    replace(place.place, '{district}', coalesce(worded.district, 'Thornmere')) AS location,
    least(2000000, floor(18 / pow(1 - chance(worded.draw_key, 'followers'), 1.1)))::INTEGER AS followers_count,
    (60 + least(7000, floor(90 / pow(1 - chance(worded.draw_key, 'following'), 0.8))))::INTEGER AS following_count,
    iso(CASE worded.platform
        WHEN 'x' THEN make_timestamp(((worded.id_number >> 22) + 1288834974657) * 1000)
        WHEN 'mastodon' THEN make_timestamp((worded.id_number >> 16) * 1000)
        ELSE TIMESTAMP '2023-03-01' + to_seconds(pick(worded.draw_key, 'made', 20000000))
    END) AS created_at,
    chance(worded.draw_key, 'protected') < 0.06 AS is_protected,
    chance(worded.draw_key, 'anchor') AS anchor,
    chance(worded.draw_key, 'roads') < worded.p_roads AS follows_roads,
    worded.joined_on,
    worded.left_on
FROM worded
LEFT JOIN place_pool ON worded.place_pool = place_pool.pool
LEFT JOIN place
    ON
        place_pool.pool = place.pool
        AND pick(worded.draw_key, 'place no', place_pool.n_places) = place.place_no;
