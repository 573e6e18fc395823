-- One row per segment, own open account, basis and band of distance from home: where the people live whom the account
-- reaches. Every figure is a sum over core.home_signature; bands add up to the account's reach.
WITH account_signatures AS (
    SELECT
        segment_id,
        platform,
        basis,
        home_band,
        unnest(account_ids) AS account_id,
        n_members,
        people,
        people_variance
    FROM core.home_signature
),

-- Fractions of people are added as decimals: whatever the order, two nights give the same last digit.
reached AS (
    SELECT
        segment_id,
        platform,
        account_id,
        basis,
        home_band,
        sum(n_members) AS n_members,
        sum(CAST(people AS DECIMAL(18, 6))) AS people,
        sum(CAST(people_variance AS DECIMAL(18, 6))) AS people_variance
    FROM account_signatures
    GROUP BY segment_id, platform, account_id, basis, home_band
),

totals AS (
    SELECT segment_id, platform, account_id, basis, sum(people) AS reach_people
    FROM reached
    GROUP BY segment_id, platform, account_id, basis
)

SELECT
    CAST(getvariable('as_of') AS DATE) AS as_of,
    reached.segment_id,
    reached.platform,
    reached.account_id,
    reached.basis,
    reached.home_band,
    CAST(reached.n_members AS BIGINT) AS n_members,
    CAST(reached.people AS DOUBLE) AS people,
    CAST(reached.people_variance AS DOUBLE) AS people_variance,
    CAST(reached.people AS DOUBLE) / nullif(CAST(totals.reach_people AS DOUBLE), 0) AS people_share
FROM reached
INNER JOIN totals
    ON
        reached.segment_id = totals.segment_id
        AND reached.platform = totals.platform
        AND reached.account_id = totals.account_id
        AND reached.basis = totals.basis
