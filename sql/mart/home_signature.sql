-- One row per segment, platform, basis, band of distance from home and set of our open accounts: mart.reach_signature
-- split by where people say they live. Rows of all bands add up to the signature, row by row.
-- Whoever declares nothing, or nothing that can be placed, stands under 'unknown': about half of all people do, and
-- a share of visitors without them is one of the people who told.
WITH open_own_accounts AS (
    SELECT platform, account_id FROM core.account
    WHERE role = 'own' AND is_open
),

-- Only where such extracts exist at all: without them nobody knows whom an account reaches.
measured_bases AS (
    SELECT DISTINCT follower_list.platform, 'follower' AS basis
    FROM core.follower_list
    INNER JOIN open_own_accounts
        ON
            follower_list.platform = open_own_accounts.platform
            AND follower_list.account_id = open_own_accounts.account_id
    UNION
    SELECT DISTINCT engagement.platform, 'engaged' AS basis
    FROM core.engagement
    INNER JOIN open_own_accounts
        ON engagement.platform = open_own_accounts.platform AND engagement.account_id = open_own_accounts.account_id
    UNION
    SELECT DISTINCT engagement.platform, 'active' AS basis
    FROM core.engagement
    INNER JOIN open_own_accounts
        ON engagement.platform = open_own_accounts.platform AND engagement.account_id = open_own_accounts.account_id
),

segment_members AS (
    SELECT segment_id, platform, member_key, membership_probability FROM core.segment_membership
    WHERE left_on IS NULL
    UNION ALL
    SELECT 'everyone' AS segment_id, platform, member_key, 1 AS membership_probability FROM core.member
    WHERE is_present
)

SELECT
    CAST(getvariable('as_of') AS DATE) AS as_of,
    segment_members.segment_id,
    segment_members.platform,
    measured_bases.basis,
    coalesce(member_home.home_band, 'unknown') AS home_band,
    coalesce(reach_set.account_ids, []) AS account_ids,
    count(*) AS n_members,
    CAST(sum(CAST(segment_members.membership_probability AS DECIMAL(18, 6))) AS DOUBLE) AS people,
    CAST(
        sum(
            CAST(
                segment_members.membership_probability * (1 - segment_members.membership_probability)
                AS DECIMAL(18, 6)
            )
        )
        AS DOUBLE
    ) AS people_variance
FROM segment_members
INNER JOIN measured_bases ON segment_members.platform = measured_bases.platform
LEFT JOIN core.reach_set
    ON measured_bases.basis = reach_set.basis AND segment_members.member_key = reach_set.member_key
LEFT JOIN core.member_home ON segment_members.member_key = member_home.member_key
GROUP BY
    segment_members.segment_id,
    segment_members.platform,
    measured_bases.basis,
    coalesce(member_home.home_band, 'unknown'),
    coalesce(reach_set.account_ids, [])
