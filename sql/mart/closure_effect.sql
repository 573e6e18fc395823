-- One row per segment, open own account and basis: who is lost if this account alone closes, and who of ours reaches
-- most of the others. Any set of accounts: FROM mart.what_if(close := [...]).
-- Lost are the people whom no other account of ours reaches on the platform: what they would do next, follow another of
-- ours perhaps, no list can say. Nobody is matched between platforms: lost on one may be kept on another.
WITH signatures AS (
    SELECT
        segment_id,
        platform,
        basis,
        account_ids,
        CAST(people AS DECIMAL(18, 6)) AS people,
        CAST(people_variance AS DECIMAL(18, 6)) AS people_variance,
        n_members
    FROM mart.reach_signature
    WHERE array_length(account_ids) > 0
),

net AS (
    SELECT segment_id, platform, basis, sum(people) AS net_reach_people
    FROM signatures
    GROUP BY segment_id, platform, basis
),

reached AS (
    SELECT
        segment_id,
        platform,
        basis,
        account_ids,
        unnest(account_ids) AS account_id,
        array_length(account_ids) AS n_accounts,
        people,
        people_variance,
        n_members
    FROM signatures
),

effects AS (
    SELECT
        segment_id,
        platform,
        basis,
        account_id,
        sum(people) AS reach_people,
        sum(CASE WHEN n_accounts = 1 THEN people ELSE 0 END) AS lost_people,
        sum(CASE WHEN n_accounts = 1 THEN people_variance ELSE 0 END) AS lost_variance,
        sum(CASE WHEN n_accounts = 1 THEN n_members ELSE 0 END) AS n_lost_members
    FROM reached
    GROUP BY segment_id, platform, basis, account_id
),

-- Visitors are those whose home is known and elsewhere; about half of all people do not say where they live.
lost_visitors AS (
    SELECT
        segment_id,
        platform,
        basis,
        account_ids[1] AS account_id,
        sum(CAST(people AS DECIMAL(18, 6))) AS lost_visitor_people
    FROM core.home_signature
    WHERE array_length(account_ids) = 1 AND home_band NOT IN ('home area', 'unknown')
    GROUP BY segment_id, platform, basis, account_ids[1]
),

pairs AS (
    SELECT segment_id, platform, basis, account_id, unnest(account_ids) AS other_account_id, people
    FROM reached
    WHERE n_accounts > 1
),

others AS (
    SELECT segment_id, platform, basis, account_id, other_account_id, sum(people) AS other_people
    FROM pairs
    WHERE other_account_id <> account_id
    GROUP BY segment_id, platform, basis, account_id, other_account_id
),

-- Where two reach as many, the one whose id comes first: any rule will do, as long as it is one.
ranked_others AS (
    SELECT
        segment_id,
        platform,
        basis,
        account_id,
        other_account_id,
        other_people,
        row_number() OVER (
            PARTITION BY segment_id, platform, basis, account_id ORDER BY other_people DESC, other_account_id ASC
        ) AS place
    FROM others
),

next_accounts AS (
    SELECT segment_id, platform, basis, account_id, other_account_id, other_people FROM ranked_others
    WHERE place = 1
),

-- Whether an account is measured at all, and why not, is said once: beside its reach.
counts AS (
    SELECT
        segment_reach.segment_id,
        segment_reach.platform,
        segment_reach.account_id,
        segment_reach.basis,
        segment_reach.reach_status,
        segment_reach.reach_reason,
        segment_reach.reach_people IS NOT NULL AS is_measured,
        coalesce(net.net_reach_people, 0) AS net_reach_people,
        coalesce(effects.reach_people, 0) AS reach_people,
        coalesce(effects.lost_people, 0) AS lost_people,
        coalesce(effects.lost_variance, 0) AS lost_variance,
        coalesce(effects.n_lost_members, 0) AS n_lost_members,
        coalesce(lost_visitors.lost_visitor_people, 0) AS lost_visitor_people,
        next_accounts.other_account_id AS next_account_id,
        next_accounts.other_people AS next_account_people
    FROM mart.segment_reach
    LEFT JOIN net
        ON
            segment_reach.segment_id = net.segment_id
            AND segment_reach.platform = net.platform
            AND segment_reach.basis = net.basis
    LEFT JOIN effects
        ON
            segment_reach.segment_id = effects.segment_id
            AND segment_reach.platform = effects.platform
            AND segment_reach.basis = effects.basis
            AND segment_reach.account_id = effects.account_id
    LEFT JOIN lost_visitors
        ON
            segment_reach.segment_id = lost_visitors.segment_id
            AND segment_reach.platform = lost_visitors.platform
            AND segment_reach.basis = lost_visitors.basis
            AND segment_reach.account_id = lost_visitors.account_id
    LEFT JOIN next_accounts
        ON
            segment_reach.segment_id = next_accounts.segment_id
            AND segment_reach.platform = next_accounts.platform
            AND segment_reach.basis = next_accounts.basis
            AND segment_reach.account_id = next_accounts.account_id
)

-- Kept people are reach less lost as both are shown, so that the two add up.
SELECT
    CAST(getvariable('as_of') AS DATE) AS as_of,
    platform,
    account_id,
    segment_id,
    basis,
    CASE WHEN is_measured THEN CAST(round(reach_people) AS BIGINT) END AS reach_people,
    CASE WHEN is_measured THEN CAST(round(net_reach_people) AS BIGINT) END AS net_reach_people,
    CASE WHEN is_measured THEN CAST(round(lost_people) AS BIGINT) END AS lost_people,
    CASE
        WHEN is_measured
            THEN greatest(0.0, CAST(lost_people AS DOUBLE) - 1.959963984540054 * sqrt(CAST(lost_variance AS DOUBLE)))
    END AS lost_people_lo,
    CASE
        WHEN is_measured
            THEN
                least(
                    CAST(n_lost_members AS DOUBLE),
                    CAST(lost_people AS DOUBLE) + 1.959963984540054 * sqrt(CAST(lost_variance AS DOUBLE))
                )
    END AS lost_people_hi,
    CASE WHEN is_measured THEN CAST(lost_people AS DOUBLE) / nullif(CAST(net_reach_people AS DOUBLE), 0) END
        AS lost_share,
    CASE WHEN is_measured THEN CAST(round(lost_visitor_people) AS BIGINT) END AS lost_visitor_people,
    CASE
        WHEN is_measured THEN CAST(round(reach_people) AS BIGINT) - CAST(round(lost_people) AS BIGINT)
    END AS kept_people,
    CASE WHEN is_measured THEN next_account_id END AS next_account_id,
    CASE WHEN is_measured THEN CAST(round(next_account_people) AS BIGINT) END AS next_account_people,
    reach_status,
    reach_reason
FROM counts
