-- One row per segment, platform, basis and ordered pair of our open accounts: how many people both reach.
-- Three shares are often taken for one another: of those whom either reaches, of those whom the first reaches (the
-- base), of those whom the smaller of the two reaches. Both directions are rows: only the share of the base differs.
-- An account whose people are not known has a reason and no share. Bounds (95 %) hold what probabilities to belong and
-- the audit leave open, not what a partial list hides.
WITH account_signatures AS (
    SELECT
        segment_id,
        platform,
        basis,
        account_ids,
        unnest(account_ids) AS account_id,
        n_members,
        people,
        people_variance
    FROM mart.reach_signature
),

pair_signatures AS (
    SELECT
        segment_id,
        platform,
        basis,
        account_id,
        unnest(account_ids) AS other_account_id,
        n_members,
        people,
        people_variance
    FROM account_signatures
),

-- An account with itself is all that it reaches.
shared AS (
    SELECT
        segment_id,
        platform,
        basis,
        account_id,
        other_account_id,
        sum(n_members) AS n_members,
        CAST(sum(CAST(people AS DECIMAL(18, 6))) AS DOUBLE) AS people,
        CAST(sum(CAST(people_variance AS DECIMAL(18, 6))) AS DOUBLE) AS people_variance
    FROM pair_signatures
    GROUP BY segment_id, platform, basis, account_id, other_account_id
),

-- How far the people of both accounts may be apart from the others of either.
variances AS (
    SELECT segment_id, platform, basis, account_id, apart_variance
    FROM core.reach_interval
    WHERE counted_as = 'exclusive'
),

pairs AS (
    SELECT
        base.segment_id,
        base.platform,
        base.basis,
        base.account_id,
        other.account_id AS other_account_id,
        CASE
            WHEN base.reach_people IS NULL AND other.reach_people IS NULL THEN 'the people of neither are known'
            WHEN base.reach_people IS NULL THEN 'the people of the first are not known'
            WHEN other.reach_people IS NULL THEN 'the people of the second are not known'
            WHEN base.reach_reason IS NOT NULL OR other.reach_reason IS NOT NULL
                THEN coalesce(base.reach_reason, other.reach_reason)
        END AS overlap_reason,
        base.reach_people IS NOT NULL AND other.reach_people IS NOT NULL AS is_known
    FROM mart.segment_reach AS base
    INNER JOIN mart.segment_reach AS other
        ON
            base.segment_id = other.segment_id
            AND base.platform = other.platform
            AND base.basis = other.basis
            AND base.account_id <> other.account_id
),

counts AS (
    SELECT
        pairs.segment_id,
        pairs.platform,
        pairs.basis,
        pairs.account_id,
        pairs.other_account_id,
        pairs.overlap_reason,
        pairs.is_known,
        coalesce(shared.n_members, 0) AS overlap_members,
        coalesce(shared.people, 0) AS overlap_people,
        coalesce(shared.people_variance, 0) AS overlap_variance,
        coalesce(base.people, 0) AS base_people,
        coalesce(base.people_variance, 0) AS base_variance,
        coalesce(other.people, 0) AS other_people,
        coalesce(other.people_variance, 0) AS other_variance,
        coalesce(greatest(variances.apart_variance, other_variances.apart_variance), 0) AS apart_variance
    FROM pairs
    LEFT JOIN shared
        ON
            pairs.segment_id = shared.segment_id
            AND pairs.platform = shared.platform
            AND pairs.basis = shared.basis
            AND pairs.account_id = shared.account_id
            AND pairs.other_account_id = shared.other_account_id
    LEFT JOIN shared AS base
        ON
            pairs.segment_id = base.segment_id
            AND pairs.platform = base.platform
            AND pairs.basis = base.basis
            AND pairs.account_id = base.account_id
            AND pairs.account_id = base.other_account_id
    LEFT JOIN shared AS other
        ON
            pairs.segment_id = other.segment_id
            AND pairs.platform = other.platform
            AND pairs.basis = other.basis
            AND pairs.other_account_id = other.account_id
            AND pairs.other_account_id = other.other_account_id
    LEFT JOIN variances
        ON
            pairs.segment_id = variances.segment_id
            AND pairs.platform = variances.platform
            AND pairs.basis = variances.basis
            AND pairs.account_id = variances.account_id
    LEFT JOIN variances AS other_variances
        ON
            pairs.segment_id = other_variances.segment_id
            AND pairs.platform = other_variances.platform
            AND pairs.basis = other_variances.basis
            AND pairs.other_account_id = other_variances.account_id
),

-- What the overlap is a share of, three times.
wholes AS (
    SELECT
        *,
        'jaccard' AS share_of,
        base_people + other_people - overlap_people AS whole_people,
        base_variance + other_variance - overlap_variance AS whole_variance
    FROM counts
    UNION ALL
    SELECT
        *,
        'base' AS share_of,
        base_people AS whole_people,
        base_variance AS whole_variance
    FROM counts
    UNION ALL
    SELECT
        *,
        'smaller' AS share_of,
        least(base_people, other_people) AS whole_people,
        CASE
            WHEN base_people < other_people THEN base_variance
            WHEN base_people > other_people THEN other_variance
            ELSE greatest(base_variance, other_variance)
        END AS whole_variance
    FROM counts
),

shares AS (
    SELECT
        *,
        CASE WHEN is_known THEN overlap_people / nullif(whole_people, 0) END AS overlap_share
    FROM wholes
),

-- The overlap and the rest of the whole vary on their own.
share_errors AS (
    SELECT
        *,
        CASE
            WHEN overlap_share > 0 AND overlap_share < 1
                THEN
                    sqrt(
                        (1 - overlap_share) * (1 - overlap_share)
                        * (overlap_variance + overlap_members * overlap_members * apart_variance)
                        + overlap_share * overlap_share * greatest(whole_variance - overlap_variance, 0)
                    )
                    / (whole_people * overlap_share * (1 - overlap_share))
        END AS log_odds_error
    FROM shares
),

bounds AS (
    SELECT
        *,
        CASE
            WHEN log_odds_error > 0
                THEN 1 / (1 + (1 - overlap_share) / overlap_share * exp(least(1.959963984540054 * log_odds_error, 500)))
            ELSE overlap_share
        END AS share_lo,
        CASE
            WHEN log_odds_error > 0
                THEN
                    1 / (1 + (1 - overlap_share) / overlap_share * exp(-least(1.959963984540054 * log_odds_error, 500)))
            ELSE overlap_share
        END AS share_hi
    FROM share_errors
)

SELECT
    CAST(getvariable('as_of') AS DATE) AS as_of,
    segment_id,
    platform,
    basis,
    account_id,
    other_account_id,
    CASE WHEN bool_or(is_known) THEN CAST(round(max(overlap_people)) AS BIGINT) END AS overlap_people,
    max(CASE WHEN share_of = 'jaccard' THEN overlap_share END) AS overlap_jaccard,
    max(CASE WHEN share_of = 'jaccard' THEN share_lo END) AS overlap_jaccard_lo,
    max(CASE WHEN share_of = 'jaccard' THEN share_hi END) AS overlap_jaccard_hi,
    max(CASE WHEN share_of = 'base' THEN overlap_share END) AS overlap_of_base,
    max(CASE WHEN share_of = 'base' THEN share_lo END) AS overlap_of_base_lo,
    max(CASE WHEN share_of = 'base' THEN share_hi END) AS overlap_of_base_hi,
    max(CASE WHEN share_of = 'smaller' THEN overlap_share END) AS overlap_of_smaller,
    max(CASE WHEN share_of = 'smaller' THEN share_lo END) AS overlap_of_smaller_lo,
    max(CASE WHEN share_of = 'smaller' THEN share_hi END) AS overlap_of_smaller_hi,
    max(
        CASE
            WHEN overlap_reason IS NOT NULL THEN overlap_reason
            WHEN share_of = 'jaccard' AND whole_people = 0 THEN 'neither reaches anybody of the segment'
            WHEN share_of = 'smaller' AND whole_people = 0 THEN 'one of them reaches nobody of the segment'
        END
    ) AS overlap_reason
FROM bounds
GROUP BY segment_id, platform, basis, account_id, other_account_id
