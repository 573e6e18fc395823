-- One row per segment, platform and week, at most 26 weeks: how many of its people came, went, and were there.
-- There means: in a complete follower list of any listed account, ours or a seed's (core.presence). Who is there
-- without observed activity (core.active_spell) is dormant.
-- People count by today's membership; those who are gone by the one they had when they went.
WITH week_numbers AS (
    SELECT numbers.n_back
    FROM (
        VALUES
        (0), (1), (2), (3), (4), (5), (6), (7), (8), (9), (10), (11), (12),
        (13), (14), (15), (16), (17), (18), (19), (20), (21), (22), (23), (24), (25)
    ) AS numbers (n_back)
),

complete_lists AS (
    SELECT platform, account_id, CAST(date_trunc('week', observed_on) AS DATE) AS week_on
    FROM core.follower_list
    WHERE is_complete
),

first_lists AS (
    SELECT platform, account_id, min(week_on) AS first_week_on
    FROM complete_lists
    GROUP BY platform, account_id
),

weeks AS (
    SELECT
        week_on,
        least(week_on + 6, CAST(getvariable('as_of') AS DATE)) AS week_ends_on
    FROM (
        SELECT CAST(date_trunc('week', CAST(getvariable('as_of') AS DATE)) AS DATE) - 7 * n_back AS week_on
        FROM week_numbers
    ) AS every_week
    WHERE
        week_on >= coalesce(
            (SELECT min(first_week_on) FROM first_lists),
            CAST(date_trunc('week', CAST(getvariable('as_of') AS DATE)) AS DATE)
        )
),

accounts AS (
    SELECT
        account.platform,
        account.account_id,
        first_lists.first_week_on,
        account.closed_on
    FROM core.account
    LEFT JOIN first_lists
        ON account.platform = first_lists.platform AND account.account_id = first_lists.account_id
),

presence_counts AS (
    SELECT
        segment_person.segment_id,
        presence.platform,
        presence.valid_from,
        presence.valid_to,
        presence.arrival_status,
        presence.is_departure,
        sum(CAST(segment_person.membership_probability AS DECIMAL(18, 6))) AS people
    FROM core.presence
    INNER JOIN core.segment_person ON presence.member_key = segment_person.member_key
    GROUP BY
        segment_person.segment_id,
        presence.platform,
        presence.valid_from,
        presence.valid_to,
        presence.arrival_status,
        presence.is_departure
),

active_counts AS (
    SELECT
        segment_person.segment_id,
        presence.platform,
        greatest(presence.valid_from, active_spell.valid_from) AS valid_from,
        least(presence.valid_to, active_spell.valid_to) AS valid_to,
        sum(CAST(segment_person.membership_probability AS DECIMAL(18, 6))) AS people
    FROM core.presence
    INNER JOIN core.active_spell ON presence.member_key = active_spell.member_key
    INNER JOIN core.segment_person ON presence.member_key = segment_person.member_key
    WHERE presence.valid_from < active_spell.valid_to AND active_spell.valid_from < presence.valid_to
    GROUP BY
        segment_person.segment_id,
        presence.platform,
        greatest(presence.valid_from, active_spell.valid_from),
        least(presence.valid_to, active_spell.valid_to)
),

counted_weeks AS (
    SELECT
        presence_counts.segment_id,
        presence_counts.platform,
        weeks.week_on,
        CASE WHEN presence_counts.valid_to > weeks.week_on THEN presence_counts.people ELSE 0 END AS present_people,
        CASE
            WHEN presence_counts.valid_from = weeks.week_on AND presence_counts.arrival_status <> 'newly listed'
                THEN presence_counts.people
            ELSE 0
        END AS arrived_people,
        CASE
            WHEN presence_counts.valid_from = weeks.week_on AND presence_counts.arrival_status = 'returned'
                THEN presence_counts.people
            ELSE 0
        END AS returned_people,
        CASE
            WHEN presence_counts.valid_from = weeks.week_on AND presence_counts.arrival_status = 'newly listed'
                THEN presence_counts.people
            ELSE 0
        END AS newly_listed_people,
        CASE
            WHEN presence_counts.valid_to = weeks.week_on AND presence_counts.is_departure THEN presence_counts.people
            ELSE 0
        END AS departed_people,
        CASE
            WHEN presence_counts.valid_to = weeks.week_on AND NOT presence_counts.is_departure
                THEN presence_counts.people
            ELSE 0
        END AS unseen_people,
        0 AS active_people
    FROM presence_counts
    INNER JOIN weeks ON presence_counts.valid_from <= weeks.week_on AND presence_counts.valid_to >= weeks.week_on
    UNION ALL
    SELECT
        active_counts.segment_id,
        active_counts.platform,
        weeks.week_on,
        0 AS present_people,
        0 AS arrived_people,
        0 AS returned_people,
        0 AS newly_listed_people,
        0 AS departed_people,
        0 AS unseen_people,
        active_counts.people AS active_people
    FROM active_counts
    INNER JOIN weeks ON active_counts.valid_from <= weeks.week_on AND active_counts.valid_to > weeks.week_on
),

people_of_weeks AS (
    SELECT
        segment_id,
        platform,
        week_on,
        sum(present_people) AS present_people,
        sum(arrived_people) AS arrived_people,
        sum(returned_people) AS returned_people,
        sum(newly_listed_people) AS newly_listed_people,
        sum(departed_people) AS departed_people,
        sum(unseen_people) AS unseen_people,
        sum(active_people) AS active_people
    FROM counted_weeks
    GROUP BY segment_id, platform, week_on
),

platforms AS (
    SELECT platform, min(first_week_on) AS first_week_on
    FROM accounts
    GROUP BY platform
),

-- Of the accounts whose lists have begun and that are open still: how many have a complete list of the week.
listed_weeks AS (
    SELECT
        accounts.platform,
        weeks.week_on,
        count(*) AS n_accounts,
        count(lists_of_week.account_id) AS n_accounts_listed
    FROM accounts
    INNER JOIN weeks
        ON
            accounts.first_week_on <= weeks.week_on
            AND coalesce(accounts.closed_on > weeks.week_ends_on, TRUE)
    LEFT JOIN (SELECT DISTINCT platform, account_id, week_on FROM complete_lists) AS lists_of_week
        ON
            accounts.platform = lists_of_week.platform
            AND accounts.account_id = lists_of_week.account_id
            AND weeks.week_on = lists_of_week.week_on
    GROUP BY accounts.platform, weeks.week_on
),

act_weeks AS (
    SELECT DISTINCT platform, CAST(date_trunc('week', engaged_on) AS DATE) AS week_on FROM core.engagement
),

first_acts AS (
    SELECT platform, min(engaged_on) AS first_act_on
    FROM core.engagement
    GROUP BY platform
),

-- Each whole week of the recent days must have an act of somebody, or nobody collected them.
collected_weeks AS (
    SELECT act_weeks.platform, weeks.week_on, count(*) AS n_act_weeks
    FROM act_weeks
    INNER JOIN
        weeks
        ON
            act_weeks.week_on < weeks.week_on
            AND act_weeks.week_on >= weeks.week_on - 7 * (SELECT recent_whole_weeks FROM core.time_window)
    GROUP BY act_weeks.platform, weeks.week_on
),

known AS (
    SELECT
        platforms.platform,
        weeks.week_on,
        weeks.week_ends_on,
        coalesce(platforms.first_week_on <= weeks.week_on, FALSE)
        AND coalesce(listed_weeks.n_accounts_listed, 0) > 0 AS has_people,
        coalesce(platforms.first_week_on < weeks.week_on, FALSE)
        AND coalesce(listed_weeks.n_accounts_listed, 0) > 0 AS has_flow,
        CASE
            WHEN platforms.first_week_on IS NULL THEN 'no follower list'
            WHEN platforms.first_week_on > weeks.week_on THEN 'before the first list'
            WHEN coalesce(listed_weeks.n_accounts_listed, 0) = 0 THEN 'no complete list this week'
            WHEN platforms.first_week_on = weeks.week_on THEN 'first lists: nobody is seen to come or go'
            WHEN listed_weeks.n_accounts_listed < listed_weeks.n_accounts THEN 'some lists missing: at least this many'
            WHEN listed_weeks_before.n_accounts_listed < listed_weeks_before.n_accounts
                THEN 'holds changes of weeks without lists'
        END AS flow_reason,
        CASE
            WHEN first_acts.first_act_on IS NULL THEN 'no engagement extract'
            WHEN
                first_acts.first_act_on > weeks.week_ends_on - (SELECT recent_days FROM core.time_window) + 1
                THEN 'fewer than 90 days of interactions'
            WHEN
                coalesce(collected_weeks.n_act_weeks, 0) < (SELECT recent_whole_weeks FROM core.time_window)
                THEN 'weeks without acts'
        END AS quiet_reason
    FROM platforms
    CROSS JOIN weeks
    LEFT JOIN listed_weeks ON platforms.platform = listed_weeks.platform AND weeks.week_on = listed_weeks.week_on
    LEFT JOIN listed_weeks AS listed_weeks_before
        ON platforms.platform = listed_weeks_before.platform AND weeks.week_on - 7 = listed_weeks_before.week_on
    LEFT JOIN first_acts ON platforms.platform = first_acts.platform
    LEFT JOIN collected_weeks
        ON platforms.platform = collected_weeks.platform AND weeks.week_on = collected_weeks.week_on
),

segments AS (
    SELECT segment_id FROM ref.segment
    UNION ALL
    SELECT 'everyone' AS segment_id
)

SELECT
    CAST(getvariable('as_of') AS DATE) AS as_of,
    segments.segment_id,
    known.platform,
    known.week_on,
    known.week_ends_on = known.week_on + 6 AS is_week_over,
    CASE WHEN known.has_people THEN CAST(round(coalesce(counts.present_people, 0)) AS BIGINT) END AS present_people,
    CASE WHEN known.has_flow THEN CAST(round(coalesce(counts.arrived_people, 0)) AS BIGINT) END AS arrived_people,
    CASE WHEN known.has_flow THEN CAST(round(coalesce(counts.returned_people, 0)) AS BIGINT) END AS returned_people,
    CASE WHEN known.has_people THEN CAST(round(coalesce(counts.newly_listed_people, 0)) AS BIGINT) END
        AS newly_listed_people,
    CASE WHEN known.has_flow THEN CAST(round(coalesce(counts.departed_people, 0)) AS BIGINT) END AS departed_people,
    CASE WHEN known.has_flow THEN CAST(round(coalesce(counts.unseen_people, 0)) AS BIGINT) END AS unseen_people,
    CASE
        WHEN known.has_people AND known.quiet_reason IS NULL
            THEN CAST(round(coalesce(counts.present_people - counts.active_people, 0)) AS BIGINT)
    END AS dormant_people,
    known.flow_reason,
    CASE WHEN known.has_people THEN known.quiet_reason ELSE known.flow_reason END AS dormancy_reason
FROM segments
CROSS JOIN known
LEFT JOIN people_of_weeks AS counts
    ON
        segments.segment_id = counts.segment_id
        AND known.platform = counts.platform
        AND known.week_on = counts.week_on
