-- One row per week and open account of ours with interactions: what people wrote to it, and how much of it is hostile
-- as judged, without the labeller's errors.
-- Thirteen weeks back at most. A week without a text stands at 0 only from the account's first interaction to its
-- platform's last one: outside of that nobody collected any. The first and the last week may be short. Sums of squares
-- and products within an author say how far a few people wrote most of the texts.
WITH interactions AS (
    SELECT
        engagement.platform,
        engagement.account_id,
        engagement.member_key,
        engagement.kind,
        engagement.engaged_on,
        engagement.engaged_at,
        engagement.is_substantive,
        engagement.is_hostile,
        CAST(date_trunc('week', engagement.engaged_on) AS DATE) AS week_on
    FROM core.engagement
    INNER JOIN core.own_account
        ON engagement.platform = own_account.platform AND engagement.account_id = own_account.account_id
    WHERE own_account.is_open AND engagement.engaged_on <= getvariable('as_of')
),

platform_ends AS (
    SELECT platform, max(engaged_on) AS last_on FROM interactions
    GROUP BY platform
),

spans AS (
    SELECT
        platform,
        account_id,
        greatest(
            min(engaged_on), (SELECT moderation_from_on FROM core.time_window)
        ) AS first_on
    FROM interactions
    GROUP BY platform, account_id
),

week_starts AS (
    SELECT
        spans.platform,
        spans.account_id,
        spans.first_on,
        platform_ends.last_on,
        unnest(generate_series(date_trunc('week', spans.first_on), platform_ends.last_on, INTERVAL 7 DAY)) AS week_at
    FROM spans
    INNER JOIN platform_ends ON spans.platform = platform_ends.platform
),

weeks AS (
    SELECT platform, account_id, first_on, last_on, CAST(week_at AS DATE) AS week_on FROM week_starts
),

-- The rule is in bands.yml. Interactions without a time share the day of their delivery, which shows nothing of a day.
busy_days AS (
    SELECT platform, member_key, count(*) AS n_interactions
    FROM interactions
    WHERE engaged_at IS NOT NULL
    GROUP BY platform, member_key, CAST(engaged_at AS DATE)
),

likely_automated_people AS (
    SELECT DISTINCT busy_days.platform, busy_days.member_key
    FROM busy_days
    INNER JOIN ref.band ON busy_days.n_interactions > band.value
    WHERE band.band = 'likely_automated_acts_a_day'
),

authors AS (
    SELECT
        interactions.platform,
        interactions.account_id,
        interactions.week_on,
        interactions.member_key,
        count(*) AS n_worded,
        count(interactions.is_substantive) AS n_texts,
        count(interactions.is_hostile) AS n_judged,
        sum(CASE WHEN interactions.is_hostile THEN 1 ELSE 0 END) AS n_hostile,
        count(likely_automated_people.member_key) AS n_likely_automated
    FROM interactions
    LEFT JOIN likely_automated_people
        ON
            interactions.platform = likely_automated_people.platform
            AND interactions.member_key = likely_automated_people.member_key
    WHERE interactions.kind IN ('reply', 'quote', 'mention')
    GROUP BY interactions.platform, interactions.account_id, interactions.week_on, interactions.member_key
)

SELECT
    weeks.platform,
    weeks.account_id,
    weeks.week_on,
    CAST(
        1 + date_diff(
            'day',
            greatest(min(weeks.first_on), weeks.week_on),
            least(min(weeks.last_on), CAST(weeks.week_on + INTERVAL 6 DAY AS DATE))
        ) AS BIGINT
    ) AS n_days,
    CAST(coalesce(sum(authors.n_worded), 0) AS BIGINT) AS n_worded,
    CAST(coalesce(sum(authors.n_texts), 0) AS BIGINT) AS n_texts,
    CAST(coalesce(sum(authors.n_judged), 0) AS BIGINT) AS n_judged,
    CAST(coalesce(sum(authors.n_hostile), 0) AS BIGINT) AS n_hostile,
    CAST(coalesce(sum(authors.n_likely_automated), 0) AS BIGINT) AS n_likely_automated,
    CAST(coalesce(sum(authors.n_judged * authors.n_judged), 0) AS DOUBLE) AS judged_squares,
    CAST(coalesce(sum(authors.n_judged * authors.n_hostile), 0) AS DOUBLE) AS judged_hostile_products,
    CAST(coalesce(sum(authors.n_hostile * authors.n_hostile), 0) AS DOUBLE) AS hostile_squares
FROM weeks
LEFT JOIN authors
    ON
        weeks.platform = authors.platform
        AND weeks.account_id = authors.account_id
        AND weeks.week_on = authors.week_on
GROUP BY weeks.platform, weeks.account_id, weeks.week_on
