-- One row per month, channel, kind of contact and account of ours, where one is recorded: how many contacts came in.
-- A contact counts for the channel and account that the recording system names, and for no other: contacts without a
-- recorded channel are shown as that and never spread over the channels. The people reached are today's, active ones of
-- everyone: the account's, or all our accounts' on the platform where only that is named.
WITH span AS (
    SELECT min(day) AS first_day, max(day) AS last_day FROM core.contact
    WHERE day <= getvariable('as_of')
),

months AS (
    SELECT
        CAST(date_trunc('month', day) AS DATE) AS month_on,
        channel,
        kind,
        platform,
        account_id,
        sum(n) AS n,
        count(*) AS n_days
    FROM core.contact
    WHERE day <= getvariable('as_of')
    GROUP BY CAST(date_trunc('month', day) AS DATE), channel, kind, platform, account_id
),

account_reach AS (
    SELECT platform, account_id, reach_people FROM mart.segment_reach
    WHERE segment_id = 'everyone' AND basis = 'active'
),

platform_reach AS (
    SELECT platform, CAST(round(sum(CAST(people AS DECIMAL(18, 6)))) AS BIGINT) AS reach_people
    FROM mart.reach_signature
    WHERE segment_id = 'everyone' AND basis = 'active' AND array_length(account_ids) > 0
    GROUP BY platform
),

counts AS (
    SELECT
        months.*,
        months.month_on >= span.first_day
        AND CAST(months.month_on + INTERVAL 1 MONTH AS DATE) <= span.last_day + INTERVAL 1 DAY AS is_whole_month,
        sum(months.n) OVER (PARTITION BY months.month_on, months.kind) AS n_all_channels,
        CASE WHEN months.account_id IS NULL THEN platform_reach.reach_people ELSE account_reach.reach_people END
            AS active_people
    FROM months
    CROSS JOIN span
    LEFT JOIN account_reach
        ON months.platform = account_reach.platform AND months.account_id = account_reach.account_id
    LEFT JOIN platform_reach ON months.platform = platform_reach.platform
),

-- Byar's approximation of the exact Poisson interval (Breslow and Day 1987, volume II, page 69): within 1 % from two
-- contacts on.
bounded_counts AS (
    SELECT
        *,
        CASE
            WHEN n > 0 THEN n * power(1 - 1.0 / (9 * n) - 1.959963984540054 / (3 * sqrt(n)), 3)
            ELSE 0
        END AS n_lo,
        (n + 1) * power(1 - 1.0 / (9 * (n + 1)) + 1.959963984540054 / (3 * sqrt(n + 1)), 3) AS n_hi
    FROM counts
)

SELECT
    CAST(getvariable('as_of') AS DATE) AS as_of,
    month_on,
    is_whole_month,
    channel,
    kind,
    platform,
    account_id,
    CAST(n_days AS BIGINT) AS n_days,
    CAST(n AS BIGINT) AS n,
    CAST(n_all_channels AS BIGINT) AS n_all_channels,
    n / nullif(n_all_channels, 0) AS channel_share,
    active_people,
    CASE WHEN is_whole_month THEN 1000.0 * n / nullif(active_people, 0) END AS contacts_per_1000_active,
    CASE WHEN is_whole_month THEN 1000.0 * n_lo / nullif(active_people, 0) END AS contacts_per_1000_active_lo,
    CASE WHEN is_whole_month THEN 1000.0 * n_hi / nullif(active_people, 0) END AS contacts_per_1000_active_hi,
    'A contact counts for the channel and account that the recording system names; nothing is inferred, and contacts '
    || 'without a recorded channel are not spread.' AS attribution_rule,
    CASE
        WHEN channel = 'none recorded' THEN 'no channel recorded: nobody knows whom it reached'
        WHEN platform IS NULL THEN 'no account of ours: nobody counts whom the channel reaches'
        WHEN active_people IS NULL THEN 'not known whom the account reaches'
        WHEN active_people = 0 THEN 'nobody is reached'
        WHEN NOT is_whole_month THEN 'the month is not whole'
    END AS reporting_reason
FROM bounded_counts
