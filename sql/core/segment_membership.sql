-- One row per spell in which a person belongs to a segment, whatever version of its definition was valid.
-- Evidence and probability are those of the spell's latest day. A rule says yes or no: its probability is 1 until an
-- audit has found how often it is right.
WITH times AS (
    SELECT
        segment_id,
        platform,
        member_key,
        definition_hash,
        evidence,
        spell_from,
        least(spell_to, in_force_to) AS spell_to
    FROM core.segment_evidence
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
),

spells AS (
    SELECT
        segment_id,
        platform,
        member_key,
        spell_number,
        min(spell_from) AS entered_on,
        max(spell_to) AS spell_to,
        least(max(spell_to) - 1, getvariable('as_of')) AS latest_on
    FROM numbered_times
    GROUP BY segment_id, platform, member_key, spell_number
),

latest_evidence AS (
    SELECT
        spells.segment_id,
        spells.platform,
        spells.member_key,
        spells.entered_on,
        spells.spell_to,
        spells.latest_on,
        times.definition_hash,
        bool_or(times.evidence = 'rule') AS has_rule,
        bool_or(times.evidence = 'expansion') AS has_expansion,
        bool_or(times.evidence = 'audit') AS has_label
    FROM spells
    INNER JOIN numbered_times AS times
        ON
            spells.segment_id = times.segment_id
            AND spells.member_key = times.member_key
            AND spells.spell_number = times.spell_number
    WHERE times.spell_from <= spells.latest_on AND times.spell_to > spells.latest_on
    GROUP BY
        spells.segment_id,
        spells.platform,
        spells.member_key,
        spells.entered_on,
        spells.spell_to,
        spells.latest_on,
        times.definition_hash
)

SELECT
    evidence.segment_id,
    evidence.platform,
    evidence.member_key,
    evidence.entered_on,
    CASE WHEN evidence.spell_to <= getvariable('as_of') THEN evidence.spell_to END AS left_on,
    CASE
        WHEN evidence.has_label THEN 1
        WHEN evidence.has_rule THEN coalesce(segment_audit.rule_probability, 1)
        ELSE audit_hit.probability
    END AS membership_probability,
    CASE
        WHEN evidence.has_label THEN 'audit'
        WHEN evidence.has_rule AND evidence.has_expansion THEN 'both'
        WHEN evidence.has_rule THEN 'rule'
        ELSE 'expansion'
    END AS evidence,
    evidence.definition_hash
FROM latest_evidence AS evidence
LEFT JOIN ref.segment_audit
    ON
        evidence.segment_id = segment_audit.segment_id
        AND evidence.platform = segment_audit.platform
        AND evidence.latest_on >= segment_audit.in_force_from
        AND evidence.latest_on < segment_audit.in_force_to
LEFT JOIN core.audit_hit
    ON
        evidence.member_key = audit_hit.member_key
        AND evidence.definition_hash = audit_hit.definition_hash
        AND 'expansion:' || evidence.segment_id = audit_hit.rule_hash
        AND evidence.latest_on >= audit_hit.hit_from
        AND evidence.latest_on < audit_hit.hit_to
