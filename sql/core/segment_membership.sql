-- One row per spell in which a person belongs to a segment, whatever version of its definition was in force.
-- A rule says yes or no, so the probability is 1 until an audit calibrates it.
WITH times AS (
    SELECT
        segment_id,
        platform,
        member_key,
        definition_hash,
        spell_from,
        least(spell_to, in_force_to) AS spell_to
    FROM core.segment_spell
    WHERE spell_from < in_force_to
),

ordered_times AS (
    SELECT
        *,
        max(spell_to) OVER (
            PARTITION BY segment_id, member_key
            ORDER BY spell_from, spell_to ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS held_to
    FROM times
),

numbered_times AS (
    SELECT
        *,
        sum(CASE WHEN spell_from <= held_to THEN 0 ELSE 1 END) OVER (
            PARTITION BY segment_id, member_key ORDER BY spell_from, spell_to
        ) AS spell_number
    FROM ordered_times
)

SELECT
    segment_id,
    platform,
    member_key,
    min(spell_from) AS entered_on,
    CASE WHEN max(spell_to) <= getvariable('as_of') THEN max(spell_to) END AS left_on,
    CAST(1 AS DOUBLE) AS membership_probability,
    'rule' AS evidence,
    max_by(definition_hash, spell_to) AS definition_hash
FROM numbered_times
GROUP BY segment_id, platform, member_key, spell_number
