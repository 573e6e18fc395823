-- One row per segment, platform, basis and set of our open accounts: how many of the segment's people exactly
-- that set reaches. People whom none reaches stand under the empty set, so that rows add up to the segment.
-- People are counted by their probability to belong: 1 each, until an audit knows better. Probabilities are added as
-- decimals: whatever the order, two nights give the same last digit.
-- Sets never cross platforms: nobody is matched between them.
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
GROUP BY
    segment_members.segment_id,
    segment_members.platform,
    measured_bases.basis,
    coalesce(reach_set.account_ids, [])
