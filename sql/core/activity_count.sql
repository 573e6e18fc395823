-- One row per segment, open account of ours, period of 28 days and recent activity: how many people had it then, and
-- whether they acted in the period after.
-- A score is the sum of exp(-age / tau) over a person's interactions with the account, and halves every
-- `activity_half_life_days`. It is stated as of the end of each of the last five periods. Scores are summed as whole
-- numbers, so that two nights give the same ones, and stand in bins of their logarithm, each 8 % wide. Nobody looks
-- further back than six periods: whoever acted before then counts as new.
WITH decay AS (
    SELECT value / ln(2) AS tau FROM ref.band
    WHERE band = 'activity_half_life_days'
),

open_accounts AS (
    SELECT platform, account_id FROM core.own_account
    WHERE is_open
),

ages AS (
    SELECT
        engagement.platform,
        engagement.account_id,
        engagement.member_key,
        date_diff('day', engagement.engaged_on, getvariable('as_of')) AS days_ago
    FROM core.engagement
    INNER JOIN open_accounts
        ON engagement.platform = open_accounts.platform AND engagement.account_id = open_accounts.account_id
    WHERE
        engagement.engaged_on > (SELECT forecast_after_on FROM core.time_window)
        AND engagement.engaged_on <= getvariable('as_of')
),

-- What the interactions of a period weigh at its end.
period_weights AS (
    SELECT
        ages.platform,
        ages.account_id,
        ages.member_key,
        decay.tau,
        CAST(floor(ages.days_ago / 28) AS BIGINT) AS period_no,
        sum(CAST(round(exp(-(ages.days_ago % 28) / decay.tau) * 1000000000000) AS BIGINT)) AS weight
    FROM ages
    CROSS JOIN decay
    GROUP BY ages.platform, ages.account_id, ages.member_key, decay.tau, CAST(floor(ages.days_ago / 28) AS BIGINT)
),

-- Weights of earlier periods, aged to the end of a later one.
scores AS (
    SELECT
        period_weights.platform,
        period_weights.account_id,
        period_weights.member_key,
        periods.periods_ago,
        min(
            CASE
                WHEN period_weights.period_no >= periods.periods_ago
                    THEN period_weights.period_no - periods.periods_ago
            END
        ) AS quiet_periods,
        sum(
            CASE
                WHEN period_weights.period_no >= periods.periods_ago
                    THEN CAST(
                        round(
                            period_weights.weight
                            * pow(exp(-28 / period_weights.tau), period_weights.period_no - periods.periods_ago)
                        ) AS BIGINT
                    )
            END
        ) AS score,
        bool_or(period_weights.period_no = periods.periods_ago - 1) AS is_active_next
    FROM period_weights
    INNER JOIN (VALUES (0), (1), (2), (3), (4)) AS periods (periods_ago)
        ON period_weights.period_no >= periods.periods_ago - 1
    GROUP BY
        period_weights.platform,
        period_weights.account_id,
        period_weights.member_key,
        periods.periods_ago
),

binned_scores AS (
    SELECT
        platform,
        account_id,
        member_key,
        periods_ago,
        quiet_periods,
        CAST(floor(ln(greatest(coalesce(score, 0), 1) / 1000000000000) * 12) AS BIGINT) AS score_bin,
        is_active_next
    FROM scores
),

-- Two periods are enough for a segment: everyone teaches what a score means, a segment how it differs.
segment_scores AS (
    SELECT
        segment_person.segment_id,
        binned_scores.platform,
        binned_scores.account_id,
        binned_scores.periods_ago,
        binned_scores.quiet_periods,
        binned_scores.score_bin,
        binned_scores.is_active_next,
        CAST(segment_person.membership_probability AS DECIMAL(18, 6)) AS counts_as
    FROM binned_scores
    INNER JOIN core.segment_person ON binned_scores.member_key = segment_person.member_key
    WHERE segment_person.segment_id <> 'everyone' AND binned_scores.periods_ago <= 2
)

SELECT
    'everyone' AS segment_id,
    platform,
    account_id,
    CAST(periods_ago AS BIGINT) AS periods_ago,
    quiet_periods,
    score_bin,
    is_active_next,
    count(*) AS n_members,
    CAST(count(*) AS DOUBLE) AS people,
    CAST(count(*) AS DOUBLE) AS people_squared
FROM binned_scores
GROUP BY platform, account_id, periods_ago, quiet_periods, score_bin, is_active_next
UNION ALL
SELECT
    segment_id,
    platform,
    account_id,
    CAST(periods_ago AS BIGINT) AS periods_ago,
    quiet_periods,
    score_bin,
    is_active_next,
    count(*) AS n_members,
    CAST(sum(counts_as) AS DOUBLE) AS people,
    CAST(sum(CAST(counts_as * counts_as AS DECIMAL(18, 12))) AS DOUBLE) AS people_squared
FROM segment_scores
GROUP BY segment_id, platform, account_id, periods_ago, quiet_periods, score_bin, is_active_next
