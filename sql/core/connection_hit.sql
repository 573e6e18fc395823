-- One row per rule on follows or acts, and time in which it holds for a person.
-- An interaction counts for its person for as long as the rule looks back; k different ones must overlap.
WITH account_rules AS (
    SELECT
        rule.rule_hash,
        rule.match,
        rule.counted,
        rule.within_days,
        rule.not_within_days,
        rule_value.platform,
        rule_value.account_id
    FROM ref.rule
    INNER JOIN ref.rule_value ON rule.rule_hash = rule_value.rule_hash
    WHERE rule.evidence_kind IN ('follow', 'engagement')
),

acts AS (
    SELECT DISTINCT
        account_rules.rule_hash,
        account_rules.match,
        account_rules.within_days,
        account_rules.not_within_days,
        engagement.platform,
        engagement.member_key,
        engagement.engaged_on,
        CASE
            WHEN account_rules.match = 'stopped' THEN 'any'
            WHEN account_rules.counted = 'accounts' THEN engagement.account_id
            ELSE engagement.post_id
        END AS unit
    FROM core.engagement
    INNER JOIN account_rules
        ON engagement.platform = account_rules.platform AND engagement.account_id = account_rules.account_id
    WHERE account_rules.match IN ('engages_at_least', 'stopped')
),

-- What stopped lately counts against itself: one act within the quiet time takes the hit away.
unit_times AS (
    SELECT
        account_rules.rule_hash,
        follow.platform,
        follow.member_key,
        follow.account_id AS unit,
        1 AS counts,
        follow.first_seen_on AS unit_from,
        coalesce(follow.ended_on, DATE '9000-01-01') AS unit_to
    FROM core.follow
    INNER JOIN account_rules
        ON follow.platform = account_rules.platform AND follow.account_id = account_rules.account_id
    WHERE account_rules.match = 'follows_at_least'
    UNION ALL
    SELECT
        rule_hash,
        platform,
        member_key,
        unit,
        1 AS counts,
        engaged_on AS unit_from,
        engaged_on + within_days AS unit_to
    FROM acts
    UNION ALL
    SELECT
        rule_hash,
        platform,
        member_key,
        'lately' AS unit,
        -1 AS counts,
        engaged_on AS unit_from,
        engaged_on + not_within_days AS unit_to
    FROM acts
    WHERE match = 'stopped'
),

ordered_units AS (
    SELECT
        *,
        max(unit_to) OVER (
            PARTITION BY rule_hash, member_key, unit
            ORDER BY unit_from, unit_to ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS held_to
    FROM unit_times
),

numbered_units AS (
    SELECT
        *,
        sum(CASE WHEN unit_from <= held_to THEN 0 ELSE 1 END) OVER (
            PARTITION BY rule_hash, member_key, unit ORDER BY unit_from, unit_to
        ) AS unit_number
    FROM ordered_units
),

units AS (
    SELECT
        rule_hash,
        platform,
        member_key,
        counts,
        min(unit_from) AS unit_from,
        max(unit_to) AS unit_to
    FROM numbered_units
    GROUP BY rule_hash, platform, member_key, unit, counts, unit_number
),

changes AS (
    SELECT rule_hash, platform, member_key, unit_from AS changed_on, counts AS change FROM units
    UNION ALL
    SELECT rule_hash, platform, member_key, unit_to AS changed_on, -counts AS change FROM units
),

days_of_change AS (
    SELECT rule_hash, platform, member_key, changed_on, sum(change) AS change
    FROM changes
    GROUP BY rule_hash, platform, member_key, changed_on
),

levels AS (
    SELECT
        rule_hash,
        platform,
        member_key,
        changed_on,
        sum(change) OVER (PARTITION BY rule_hash, member_key ORDER BY changed_on) AS n_units,
        lead(changed_on) OVER (PARTITION BY rule_hash, member_key ORDER BY changed_on) AS next_changed_on
    FROM days_of_change
),

-- A level at or above k goes on until the first one below it.
judged_levels AS (
    SELECT
        levels.rule_hash,
        levels.platform,
        levels.member_key,
        levels.changed_on,
        levels.next_changed_on,
        levels.n_units >= rule.least AS is_hit,
        lag(levels.n_units >= rule.least) OVER (
            PARTITION BY levels.rule_hash, levels.member_key ORDER BY levels.changed_on
        ) AS was_hit
    FROM levels
    INNER JOIN ref.rule ON levels.rule_hash = rule.rule_hash
),

numbered_levels AS (
    SELECT
        *,
        sum(CASE WHEN is_hit AND NOT coalesce(was_hit, false) THEN 1 ELSE 0 END) OVER (
            PARTITION BY rule_hash, member_key ORDER BY changed_on
        ) AS spell_number
    FROM judged_levels
)

SELECT
    rule_hash,
    platform,
    member_key,
    min(changed_on) AS hit_from,
    max(next_changed_on) AS hit_to
FROM numbered_levels
WHERE is_hit
GROUP BY rule_hash, platform, member_key, spell_number
