-- One row per version of a segment's definition, kind of evidence and time in which a present person belongs by it.
-- A version is followed to the end of the first day of the one after it: what its rules would have said on that day
-- tells an edit from people coming and going (mart.segment_change).
WITH hits AS (
    SELECT rule_hash, CAST(NULL AS VARCHAR) AS definition_hash, platform, member_key, hit_from, hit_to
    FROM core.word_hit
    UNION ALL
    SELECT rule_hash, CAST(NULL AS VARCHAR) AS definition_hash, platform, member_key, hit_from, hit_to
    FROM core.connection_hit
    UNION ALL
    SELECT rule_hash, definition_hash, platform, member_key, hit_from, hit_to
    FROM core.audit_hit
),

-- A rule speaks in every version that asks it, an audit only where the definition is the one it audited.
way_hits AS (
    SELECT
        segment_version.segment_id,
        segment_version.in_force_from,
        segment_way.effect,
        segment_way.way_id,
        segment_way.n_required,
        segment_way.is_required,
        hits.platform,
        hits.member_key,
        greatest(hits.hit_from, segment_version.in_force_from) AS held_from,
        least(hits.hit_to, segment_version.in_force_to + 1) AS held_to
    FROM ref.segment_version
    INNER JOIN ref.segment_way
        ON
            segment_version.segment_id = segment_way.segment_id
            AND segment_version.definition_hash = segment_way.definition_hash
    INNER JOIN hits ON segment_way.rule_hash = hits.rule_hash
    WHERE
        segment_way.effect IN ('rule', 'expansion', 'audit')
        AND hits.hit_from <= segment_version.in_force_to
        AND hits.hit_to > segment_version.in_force_from
        AND coalesce(hits.definition_hash, segment_version.definition_hash) = segment_version.definition_hash
),

-- Only who shows all that a way requires, at one time or another, can go through it.
candidates AS (
    SELECT segment_id, in_force_from, effect, way_id, n_required, member_key
    FROM way_hits
    WHERE is_required
    GROUP BY segment_id, in_force_from, effect, way_id, n_required, member_key
),

sightings AS (
    SELECT member_key, first_seen_on AS present_from, coalesce(ended_on, DATE '9000-01-01') AS present_to
    FROM core.follow
    UNION ALL
    SELECT
        engagement.member_key,
        engagement.engaged_on AS present_from,
        engagement.engaged_on + time_window.recent_days AS present_to
    FROM core.engagement
    CROSS JOIN core.time_window
),

ordered_sightings AS (
    SELECT
        sightings.member_key,
        sightings.present_from,
        sightings.present_to,
        max(sightings.present_to) OVER (
            PARTITION BY sightings.member_key
            ORDER BY sightings.present_from, sightings.present_to ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS held_to
    FROM sightings
    INNER JOIN (SELECT DISTINCT member_key FROM candidates) AS wanted ON sightings.member_key = wanted.member_key
),

numbered_sightings AS (
    SELECT
        *,
        sum(CASE WHEN present_from <= held_to THEN 0 ELSE 1 END) OVER (
            PARTITION BY member_key ORDER BY present_from, present_to
        ) AS spell_number
    FROM ordered_sightings
),

presences AS (
    SELECT member_key, min(present_from) AS present_from, max(present_to) AS present_to
    FROM numbered_sightings
    GROUP BY member_key, spell_number
),

-- Being present is required like a rule; what is forbidden counts so heavily that nothing makes up for it.
changes AS (
    SELECT
        segment_id,
        in_force_from,
        effect,
        way_id,
        n_required,
        member_key,
        held_from AS changed_on,
        CASE WHEN is_required THEN 1 ELSE -1000 END AS change
    FROM way_hits
    UNION ALL
    SELECT
        segment_id,
        in_force_from,
        effect,
        way_id,
        n_required,
        member_key,
        held_to AS changed_on,
        CASE WHEN is_required THEN -1 ELSE 1000 END AS change
    FROM way_hits
    UNION ALL
    SELECT
        candidates.segment_id,
        candidates.in_force_from,
        candidates.effect,
        candidates.way_id,
        candidates.n_required,
        candidates.member_key,
        presences.present_from AS changed_on,
        1 AS change
    FROM candidates
    INNER JOIN presences ON candidates.member_key = presences.member_key
    UNION ALL
    SELECT
        candidates.segment_id,
        candidates.in_force_from,
        candidates.effect,
        candidates.way_id,
        candidates.n_required,
        candidates.member_key,
        presences.present_to AS changed_on,
        -1 AS change
    FROM candidates
    INNER JOIN presences ON candidates.member_key = presences.member_key
),

days_of_change AS (
    SELECT segment_id, in_force_from, effect, way_id, n_required, member_key, changed_on, sum(change) AS change
    FROM changes
    GROUP BY segment_id, in_force_from, effect, way_id, n_required, member_key, changed_on
),

levels AS (
    SELECT
        segment_id,
        in_force_from,
        effect,
        member_key,
        changed_on,
        n_required,
        sum(change) OVER (
            PARTITION BY segment_id, in_force_from, effect, way_id, member_key ORDER BY changed_on
        ) AS n_shown,
        lead(changed_on) OVER (
            PARTITION BY segment_id, in_force_from, effect, way_id, member_key ORDER BY changed_on
        ) AS next_changed_on
    FROM days_of_change
),

ordered_times AS (
    SELECT
        segment_id,
        in_force_from,
        effect,
        member_key,
        changed_on,
        next_changed_on,
        max(next_changed_on) OVER (
            PARTITION BY segment_id, in_force_from, effect, member_key
            ORDER BY changed_on, next_changed_on ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS held_to
    FROM levels
    WHERE n_shown = n_required + 1
),

numbered_times AS (
    SELECT
        *,
        sum(CASE WHEN changed_on <= held_to THEN 0 ELSE 1 END) OVER (
            PARTITION BY segment_id, in_force_from, effect, member_key ORDER BY changed_on, next_changed_on
        ) AS spell_number
    FROM ordered_times
),

spells AS (
    SELECT
        segment_id,
        in_force_from,
        effect,
        member_key,
        min(changed_on) AS spell_from,
        max(next_changed_on) AS spell_to
    FROM numbered_times
    GROUP BY segment_id, in_force_from, effect, member_key, spell_number
)

SELECT
    spells.segment_id,
    segment_version.definition_hash,
    segment_version.in_force_from,
    segment_version.in_force_to,
    spells.effect AS evidence,
    member.platform,
    spells.member_key,
    spells.spell_from,
    spells.spell_to
FROM spells
INNER JOIN ref.segment_version
    ON spells.segment_id = segment_version.segment_id AND spells.in_force_from = segment_version.in_force_from
INNER JOIN core.member ON spells.member_key = member.member_key
WHERE spells.spell_from <= getvariable('as_of')
