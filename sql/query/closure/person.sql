-- One row per person of any audience: in which weeks they interacted with an account of ours, and followed one.
-- A week is a bit. A spell counts in a week that it reaches the end of; the closed account's spells end with it.
CREATE OR REPLACE TEMP TABLE closure_person AS
WITH people AS (
    SELECT member_key, bool_or(account_id = getvariable('closure_account')) AS is_audience
    FROM closure_cohort
    GROUP BY member_key
),

interactions AS (
    SELECT
        engagement.member_key,
        bit_or(
            CAST(1 AS BIGINT) << CAST((engagement.engaged_on - getvariable('closure_start')) // 7 AS INTEGER)
        ) AS active_weeks
    FROM core.engagement
    INNER JOIN people ON engagement.member_key = people.member_key
    INNER JOIN core.own_account
        ON engagement.platform = own_account.platform AND engagement.account_id = own_account.account_id
    WHERE
        engagement.engaged_on >= getvariable('closure_start')
        AND engagement.engaged_on < getvariable('closure_start') + 7 * getvariable('closure_n_weeks')
        AND NOT (
            engagement.account_id = getvariable('closure_account')
            AND engagement.engaged_on >= getvariable('closure_closed_on')
        )
    GROUP BY engagement.member_key
),

spells AS (
    SELECT
        follow.member_key,
        follow.first_seen_on,
        coalesce(
            least(
                follow.ended_on,
                own_account.closed_on,
                CASE WHEN follow.account_id = getvariable('closure_account') THEN getvariable('closure_closed_on') END
            ),
            getvariable('closure_start') + 7 * getvariable('closure_n_weeks')
        ) AS ended_on
    FROM core.follow
    INNER JOIN people ON follow.member_key = people.member_key
    INNER JOIN core.own_account
        ON follow.platform = own_account.platform AND follow.account_id = own_account.account_id
),

spell_weeks AS (
    SELECT
        member_key,
        greatest(0, (first_seen_on - getvariable('closure_start')) // 7) AS from_week,
        least(getvariable('closure_n_weeks'), (ended_on - getvariable('closure_start')) // 7) AS to_week
    FROM spells
),

follows AS (
    SELECT
        member_key,
        bit_or(((CAST(1 AS BIGINT) << to_week) - 1) - ((CAST(1 AS BIGINT) << from_week) - 1)) AS follower_weeks
    FROM spell_weeks
    WHERE to_week > from_week
    GROUP BY member_key
)

SELECT
    people.member_key,
    people.is_audience,
    coalesce(interactions.active_weeks, 0) AS active_weeks,
    coalesce(follows.follower_weeks, 0) AS follower_weeks
FROM people
LEFT JOIN interactions ON people.member_key = interactions.member_key
LEFT JOIN follows ON people.member_key = follows.member_key
