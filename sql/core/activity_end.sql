-- One row per segment, platform and week since people were first seen to act: how many fell silent after it, and of
-- how many the end is not known yet.
-- Somebody enters with the first interaction of the last 26 weeks, and falls silent after the interaction that no
-- other follows for `silent_after_weeks` weeks. Whose silence is still shorter when the data end is censored. Weeks
-- without any interaction on the platform were not collected, and do not count as time that passed.
WITH limits AS (
    SELECT CAST(value AS BIGINT) AS silent_weeks FROM ref.band
    WHERE band = 'silent_after_weeks'
),

active_weeks AS (
    SELECT DISTINCT
        platform,
        member_key,
        CAST(floor(date_diff('day', engaged_on, getvariable('as_of')) / 7) AS BIGINT) AS weeks_back
    FROM core.engagement
    WHERE engaged_on > (SELECT series_after_on FROM core.time_window) AND engaged_on <= getvariable('as_of')
),

known_weeks AS (
    SELECT DISTINCT platform, weeks_back FROM active_weeks
),

collected_weeks AS (
    SELECT
        platform,
        weeks_back,
        row_number() OVER (PARTITION BY platform ORDER BY weeks_back DESC) AS week_number,
        count(*) OVER (PARTITION BY platform) AS n_weeks
    FROM known_weeks
),

steps AS (
    SELECT
        active_weeks.platform,
        active_weeks.member_key,
        collected_weeks.week_number,
        collected_weeks.n_weeks,
        min(collected_weeks.week_number) OVER (
            PARTITION BY active_weeks.platform, active_weeks.member_key
        ) AS first_week,
        coalesce(
            lead(collected_weeks.week_number) OVER (
                PARTITION BY active_weeks.platform, active_weeks.member_key ORDER BY collected_weeks.week_number
            ),
            collected_weeks.n_weeks + 1
        ) AS next_week
    FROM active_weeks
    INNER JOIN collected_weeks
        ON active_weeks.platform = collected_weeks.platform AND active_weeks.weeks_back = collected_weeks.weeks_back
),

lives AS (
    SELECT
        steps.platform,
        steps.member_key,
        limits.silent_weeks,
        min(steps.first_week) AS first_week,
        min(steps.n_weeks) AS n_weeks,
        min(CASE WHEN steps.next_week - steps.week_number > limits.silent_weeks THEN steps.week_number END) AS last_week
    FROM steps
    CROSS JOIN limits
    GROUP BY steps.platform, steps.member_key, limits.silent_weeks
),

ends AS (
    SELECT
        platform,
        member_key,
        last_week IS NOT NULL AS is_silent,
        coalesce(last_week, n_weeks - silent_weeks) - first_week + 1 AS week_no
    FROM lives
    WHERE first_week <= n_weeks - silent_weeks
),

counted_ends AS (
    SELECT
        segment_person.segment_id,
        ends.platform,
        ends.week_no,
        ends.is_silent,
        CAST(segment_person.membership_probability AS DECIMAL(18, 6)) AS people
    FROM ends
    INNER JOIN core.segment_person ON ends.member_key = segment_person.member_key
)

SELECT
    segment_id,
    platform,
    CAST(week_no AS BIGINT) AS week_no,
    count(*) AS n_members,
    CAST(sum(CASE WHEN is_silent THEN people ELSE 0 END) AS DOUBLE) AS silent_people,
    CAST(sum(CASE WHEN is_silent THEN 0 ELSE people END) AS DOUBLE) AS censored_people
FROM counted_ends
GROUP BY segment_id, platform, week_no
