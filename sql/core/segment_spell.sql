-- One row per version of a segment's definition and time in which a present person belongs, by whatever evidence.
-- A version is followed to the end of the first day of the one after it, as in core.segment_evidence.
WITH ordered_times AS (
    SELECT
        *,
        max(spell_to) OVER (
            PARTITION BY segment_id, in_force_from, member_key
            ORDER BY spell_from, spell_to ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS held_to
    FROM core.segment_evidence
),

numbered_times AS (
    SELECT
        *,
        sum(CASE WHEN spell_from <= held_to THEN 0 ELSE 1 END) OVER (
            PARTITION BY segment_id, in_force_from, member_key ORDER BY spell_from, spell_to
        ) AS spell_number
    FROM ordered_times
)

SELECT
    segment_id,
    definition_hash,
    in_force_from,
    in_force_to,
    platform,
    member_key,
    min(spell_from) AS spell_from,
    max(spell_to) AS spell_to
FROM numbered_times
GROUP BY segment_id, definition_hash, in_force_from, in_force_to, platform, member_key, spell_number
