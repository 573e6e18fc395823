-- One row per segment, own open account and basis: whom of the segment the account reaches, and whom only it does.
-- Every figure is a sum over mart.reach_signature. An account without lists of people has no figure but a reason:
-- a total counts the same person many times and cannot be split by segment.
WITH segment_totals AS (
    SELECT segment_id, platform, basis, sum(CAST(people AS DECIMAL(18, 6))) AS segment_people
    FROM mart.reach_signature
    GROUP BY segment_id, platform, basis
),

everyone_totals AS (
    SELECT platform, basis, segment_people AS everyone_people FROM segment_totals
    WHERE segment_id = 'everyone'
),

account_signatures AS (
    SELECT
        segment_id,
        platform,
        basis,
        unnest(account_ids) AS account_id,
        array_length(account_ids) AS n_accounts,
        people
    FROM mart.reach_signature
),

shared_people AS (
    SELECT segment_id, platform, basis, account_id, n_accounts, sum(CAST(people AS DECIMAL(18, 6))) AS people
    FROM account_signatures
    GROUP BY segment_id, platform, basis, account_id, n_accounts
),

-- Fractions of people are added as decimals: whatever the order, two nights give the same last digit.
reached AS (
    SELECT
        segment_id,
        platform,
        basis,
        account_id,
        sum(people) AS reach_people,
        sum(CASE WHEN n_accounts = 1 THEN people ELSE 0 END) AS exclusive_people,
        sum(CAST(people / n_accounts AS DECIMAL(38, 12))) AS fair_share_people
    FROM shared_people
    GROUP BY segment_id, platform, basis, account_id
),

newest_lists AS (
    SELECT platform, account_id, max(observed_on) AS data_on, bool_or(is_complete) AS has_complete_list
    FROM core.follower_list
    GROUP BY platform, account_id
),

-- An account without one engagement in the extracts is one whose engagements nobody collected: unknown, not 0.
newest_engagements AS (
    SELECT
        platform,
        account_id,
        max(engaged_on) AS data_on
    FROM core.engagement
    GROUP BY platform, account_id
),

accounts_with_totals AS (
    SELECT platform, account_id FROM core.account_day
    UNION
    SELECT platform, account_id FROM core.post
),

account_bases AS (
    SELECT
        account.platform,
        account.account_id,
        'follower' AS basis,
        newest_lists.data_on,
        CASE
            WHEN newest_lists.has_complete_list THEN NULL
            WHEN newest_lists.data_on IS NOT NULL THEN 'partial list: at least this many'
            WHEN newest_engagements.data_on IS NOT NULL THEN 'no follower list'
            WHEN accounts_with_totals.account_id IS NOT NULL THEN 'totals only'
            ELSE 'no extract'
        END AS reach_reason
    FROM core.account
    LEFT JOIN newest_lists
        ON account.platform = newest_lists.platform AND account.account_id = newest_lists.account_id
    LEFT JOIN newest_engagements
        ON account.platform = newest_engagements.platform AND account.account_id = newest_engagements.account_id
    LEFT JOIN accounts_with_totals
        ON account.platform = accounts_with_totals.platform AND account.account_id = accounts_with_totals.account_id
    WHERE account.role = 'own' AND account.is_open
    UNION ALL
    SELECT
        account.platform,
        account.account_id,
        'engaged' AS basis,
        newest_engagements.data_on,
        CASE
            WHEN newest_engagements.data_on IS NOT NULL THEN NULL
            WHEN newest_lists.data_on IS NOT NULL THEN 'no engagement extract'
            WHEN accounts_with_totals.account_id IS NOT NULL THEN 'totals only'
            ELSE 'no extract'
        END AS reach_reason
    FROM core.account
    LEFT JOIN newest_engagements
        ON account.platform = newest_engagements.platform AND account.account_id = newest_engagements.account_id
    LEFT JOIN newest_lists
        ON account.platform = newest_lists.platform AND account.account_id = newest_lists.account_id
    LEFT JOIN accounts_with_totals
        ON account.platform = accounts_with_totals.platform AND account.account_id = accounts_with_totals.account_id
    WHERE account.role = 'own' AND account.is_open
),

segments AS (
    SELECT segment_id FROM ref.segment
    UNION ALL
    SELECT 'everyone' AS segment_id
),

counts AS (
    SELECT
        segments.segment_id,
        account_bases.platform,
        account_bases.account_id,
        account_bases.basis,
        account_bases.data_on,
        account_bases.reach_reason,
        segment_totals.segment_people,
        everyone_totals.everyone_people,
        CASE WHEN account_bases.data_on IS NOT NULL THEN coalesce(reached.reach_people, 0) END AS reach_people,
        CASE WHEN account_bases.data_on IS NOT NULL THEN coalesce(reached.exclusive_people, 0) END AS exclusive_people,
        CASE WHEN account_bases.data_on IS NOT NULL THEN coalesce(reached.fair_share_people, 0) END
            AS fair_share_people,
        CASE WHEN account_bases.data_on IS NOT NULL THEN coalesce(reached_of_everyone.reach_people, 0) END
            AS account_people
    FROM segments
    CROSS JOIN account_bases
    LEFT JOIN segment_totals
        ON
            segments.segment_id = segment_totals.segment_id
            AND account_bases.platform = segment_totals.platform
            AND account_bases.basis = segment_totals.basis
    LEFT JOIN everyone_totals
        ON account_bases.platform = everyone_totals.platform AND account_bases.basis = everyone_totals.basis
    LEFT JOIN reached
        ON
            segments.segment_id = reached.segment_id
            AND account_bases.platform = reached.platform
            AND account_bases.basis = reached.basis
            AND account_bases.account_id = reached.account_id
    LEFT JOIN reached AS reached_of_everyone
        ON
            reached_of_everyone.segment_id = 'everyone'
            AND account_bases.platform = reached_of_everyone.platform
            AND account_bases.basis = reached_of_everyone.basis
            AND account_bases.account_id = reached_of_everyone.account_id
)

SELECT
    CAST(getvariable('as_of') AS DATE) AS as_of,
    segment_id,
    platform,
    account_id,
    basis,
    CAST(round(reach_people) AS BIGINT) AS reach_people,
    CAST(round(exclusive_people) AS BIGINT) AS exclusive_people,
    CAST(fair_share_people AS DOUBLE) AS fair_share_people,
    CASE WHEN data_on IS NOT NULL THEN CAST(round(coalesce(segment_people, 0)) AS BIGINT) END AS segment_people,
    CAST(round(account_people) AS BIGINT) AS account_people,
    CAST(round(everyone_people) AS BIGINT) AS everyone_people,
    reach_people / nullif(segment_people, 0) AS coverage_share,
    reach_people / nullif(account_people, 0) AS composition_share,
    100 * (reach_people / nullif(account_people, 0)) / nullif(segment_people / nullif(everyone_people, 0), 0)
        AS affinity_index,
    data_on,
    reach_reason
FROM counts
