-- One row per person, hash tag and day on which tonight's deliveries show that they used it in an interaction.
-- Tags are folded like words, accents before the tag is cut out: a mark above a letter does not end it. The rest of
-- what they wrote goes no further than raw. An interaction without a date is no recent use: every delivery repeats it.
-- Its date is that of the act in stg.engagement.
WITH tagged_acts AS (
    SELECT
        platform,
        member_id,
        CAST(least(CAST(engaged_at AS TIMESTAMPTZ), CAST(indexed_at AS TIMESTAMPTZ)) AS DATE) AS used_on,
        unnest(regexp_extract_all(strip_accents(text), '#[\p{L}\p{N}_]+')) AS tag
    FROM raw.engagement
    WHERE quarantine_reason IS NULL AND coalesce(engaged_at, indexed_at) IS NOT NULL AND contains(text, '#')
)

SELECT DISTINCT
    member_key.platform,
    member_key.member_key,
    regexp_replace(lower(tagged_acts.tag), '[^\p{L}\p{N}]+', '', 'g') AS tag,
    tagged_acts.used_on
FROM tagged_acts
INNER JOIN stg.member_key
    ON tagged_acts.platform = member_key.platform AND tagged_acts.member_id = member_key.member_id
