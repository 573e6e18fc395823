-- One row per segment, platform, day and cause: how many people came into the segment that day, and how many went.
-- Added up from the beginning they are the segment's size on any day, exactly. Where a definition was edited, people
-- whom the old rules would have gained or lost that day count as people, the rest of the change as the edit.
WITH first_lists AS (
    SELECT platform, account_id, min(observed_on) AS first_list_on
    FROM core.follower_list
    GROUP BY platform, account_id
),

-- Who stands in the first list that ever came of an account was there before: the extract is new, not the person.
shown_by_new_extracts AS (
    SELECT DISTINCT follow.member_key, first_lists.first_list_on
    FROM core.follow
    INNER JOIN first_lists
        ON
            follow.platform = first_lists.platform
            AND follow.account_id = first_lists.account_id
            AND follow.first_seen_on = first_lists.first_list_on
),

-- Words that nobody showed again for 180 days are forgotten: the extract is lost, not the person.
forgotten AS (
    SELECT DISTINCT word_hit.member_key, word_hit.hit_to AS forgotten_on
    FROM core.word_hit
    WHERE word_hit.is_forgotten
),

-- On the day an audit begins to count, whom its scores move is its doing, unless a rule moved them that day; a label
-- is always its doing.
moved_by_audits AS (
    SELECT DISTINCT
        segment_audit.segment_id,
        segment_audit.definition_hash,
        segment_audit.in_force_from AS audited_on,
        audit_hit.member_key
    FROM ref.segment_audit
    INNER JOIN core.audit_hit
        ON
            segment_audit.platform = audit_hit.platform
            AND segment_audit.definition_hash = audit_hit.definition_hash
    LEFT JOIN core.segment_evidence AS moved_by_rules
        ON
            segment_audit.segment_id = moved_by_rules.segment_id
            AND segment_audit.definition_hash = moved_by_rules.definition_hash
            AND audit_hit.member_key = moved_by_rules.member_key
            AND moved_by_rules.evidence = 'rule'
            AND segment_audit.in_force_from IN (moved_by_rules.spell_from, moved_by_rules.spell_to)
    WHERE
        segment_audit.in_force_from IN (audit_hit.hit_from, audit_hit.hit_to)
        AND (
            audit_hit.rule_hash IN ('audit yes:' || segment_audit.segment_id, 'audit no:' || segment_audit.segment_id)
            OR (
                audit_hit.rule_hash = 'expansion:' || segment_audit.segment_id
                AND moved_by_rules.member_key IS NULL
            )
        )
),

arrivals AS (
    SELECT
        segment_spell.segment_id,
        segment_spell.platform,
        segment_spell.spell_from AS changed_on,
        CASE
            WHEN moved_by_audits.member_key IS NOT NULL THEN 're-audits'
            WHEN shown_by_new_extracts.member_key IS NOT NULL THEN 'new extracts'
            ELSE 'people in'
        END AS cause,
        1 AS people_in,
        0 AS people_out
    FROM core.segment_spell
    LEFT JOIN shown_by_new_extracts
        ON
            segment_spell.member_key = shown_by_new_extracts.member_key
            AND segment_spell.spell_from = shown_by_new_extracts.first_list_on
    LEFT JOIN moved_by_audits
        ON
            segment_spell.segment_id = moved_by_audits.segment_id
            AND segment_spell.member_key = moved_by_audits.member_key
            AND segment_spell.definition_hash = moved_by_audits.definition_hash
            AND segment_spell.spell_from = moved_by_audits.audited_on
    WHERE segment_spell.spell_from > segment_spell.in_force_from
),

departures AS (
    SELECT
        segment_spell.segment_id,
        segment_spell.platform,
        segment_spell.spell_to AS changed_on,
        CASE
            WHEN moved_by_audits.member_key IS NOT NULL THEN 're-audits'
            WHEN forgotten.member_key IS NOT NULL THEN 'lost extracts'
            ELSE 'people out'
        END AS cause,
        0 AS people_in,
        1 AS people_out
    FROM core.segment_spell
    LEFT JOIN forgotten
        ON segment_spell.member_key = forgotten.member_key AND segment_spell.spell_to = forgotten.forgotten_on
    LEFT JOIN moved_by_audits
        ON
            segment_spell.segment_id = moved_by_audits.segment_id
            AND segment_spell.member_key = moved_by_audits.member_key
            AND segment_spell.definition_hash = moved_by_audits.definition_hash
            AND segment_spell.spell_to = moved_by_audits.audited_on
    WHERE segment_spell.spell_to <= least(segment_spell.in_force_to, getvariable('as_of'))
),

-- A version that ends is followed by another one, or by none where its file was taken away.
edits AS (
    SELECT segment_id, in_force_from AS edited_on FROM ref.segment_version
    WHERE in_force_from > DATE '0001-01-01'
    UNION
    SELECT segment_id, in_force_to AS edited_on FROM ref.segment_version
    WHERE in_force_to < DATE '9000-01-01'
),

by_old_rules AS (
    SELECT edits.segment_id, edits.edited_on, segment_spell.platform, segment_spell.member_key
    FROM edits
    INNER JOIN core.segment_spell
        ON edits.segment_id = segment_spell.segment_id AND edits.edited_on = segment_spell.in_force_to
    WHERE segment_spell.spell_from <= edits.edited_on AND segment_spell.spell_to > edits.edited_on
),

by_new_rules AS (
    SELECT edits.segment_id, edits.edited_on, segment_spell.platform, segment_spell.member_key
    FROM edits
    INNER JOIN core.segment_spell
        ON edits.segment_id = segment_spell.segment_id AND edits.edited_on = segment_spell.in_force_from
    WHERE segment_spell.spell_from <= edits.edited_on AND segment_spell.spell_to > edits.edited_on
),

edited AS (
    SELECT
        coalesce(by_new_rules.segment_id, by_old_rules.segment_id) AS segment_id,
        coalesce(by_new_rules.platform, by_old_rules.platform) AS platform,
        coalesce(by_new_rules.edited_on, by_old_rules.edited_on) AS changed_on,
        'rule edits' AS cause,
        CASE WHEN by_old_rules.member_key IS NULL THEN 1 ELSE 0 END AS people_in,
        CASE WHEN by_new_rules.member_key IS NULL THEN 1 ELSE 0 END AS people_out
    FROM by_new_rules
    FULL JOIN by_old_rules
        ON
            by_new_rules.segment_id = by_old_rules.segment_id
            AND by_new_rules.edited_on = by_old_rules.edited_on
            AND by_new_rules.member_key = by_old_rules.member_key
    WHERE by_old_rules.member_key IS NULL OR by_new_rules.member_key IS NULL
),

changes AS (
    SELECT segment_id, platform, changed_on, cause, people_in, people_out FROM arrivals
    UNION ALL
    SELECT segment_id, platform, changed_on, cause, people_in, people_out FROM departures
    UNION ALL
    SELECT segment_id, platform, changed_on, cause, people_in, people_out FROM edited
)

SELECT
    CAST(getvariable('as_of') AS DATE) AS as_of,
    segment_id,
    platform,
    changed_on,
    cause,
    CAST(sum(people_in) AS BIGINT) AS people_in,
    CAST(sum(people_out) AS BIGINT) AS people_out
FROM changes
GROUP BY segment_id, platform, changed_on, cause
