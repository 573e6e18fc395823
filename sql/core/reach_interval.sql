-- One row per segment, platform, basis, account and way of counting people: the count, and its bounds (95 %).
-- People whom the definition finds are counted by their probability; the bounds say how many of them may truly belong.
-- Without a current audit the definition is the truth, and a count of its people is certain. With one, its
-- probabilities hold for everybody together: an account's people may be likelier or less likely than that by
-- `deviation`. Before any label of them it is 0 with a standard deviation of ref.band's account_share_apart and the
-- audit's own error; labels among them move it (Fay and Herriot 1979, doi 10.2307/2286322) by their mean residual, to
-- which one residual of a half is added, so that few labels that agree do not pass for certainty. Bounds lie between
-- the people whom labels make certain and all found: they come from log-odds, which keeps them honest for small counts.
WITH audits_in_force AS (
    SELECT
        segment_audit.segment_id,
        segment_audit.platform,
        segment_audit.audit_id,
        band.value AS share_apart,
        -- Half the width of the audit's own interval of how many of those found belong, over 2.5758: it is a 99 % one.
        coalesce(
            (audit_measure.estimate_hi - audit_measure.estimate_lo)
            / (2 * 2.5758) / nullif(audit_measure.estimate, 0), 0
        ) AS relative_error
    FROM ref.segment_audit
    INNER JOIN ref.band ON band.band = 'account_share_apart'
    LEFT JOIN ref.audit_measure
        ON
            segment_audit.segment_id = audit_measure.segment_id
            AND segment_audit.platform = audit_measure.platform
            AND segment_audit.audit_id = audit_measure.audit_id
            AND audit_measure.measure = 'expansion_precision'
    WHERE
        segment_audit.in_force_from <= getvariable('as_of')
        AND segment_audit.in_force_to > getvariable('as_of')
),

-- Who is counted, and as what part of a person: all whom the account reaches; those whom only it reaches; each shared
-- equally. Under the empty account: whom any account reaches, and the whole segment.
account_signatures AS (
    SELECT
        segment_id,
        platform,
        basis,
        unnest(account_ids) AS account_id,
        array_length(account_ids) AS n_accounts,
        n_members,
        people,
        people_variance
    FROM core.home_signature
),

account_counts AS (
    SELECT
        segment_id,
        platform,
        basis,
        account_id,
        n_accounts,
        sum(n_members) AS n_members,
        sum(CAST(people AS DECIMAL(18, 6))) AS people,
        sum(CAST(people_variance AS DECIMAL(18, 6))) AS people_variance
    FROM account_signatures
    GROUP BY segment_id, platform, basis, account_id, n_accounts
),

set_counts AS (
    SELECT
        segment_id,
        platform,
        basis,
        CASE WHEN array_length(account_ids) > 0 THEN 1 ELSE 0 END AS is_reached,
        sum(n_members) AS n_members,
        sum(CAST(people AS DECIMAL(18, 6))) AS people,
        sum(CAST(people_variance AS DECIMAL(18, 6))) AS people_variance
    FROM core.home_signature
    GROUP BY segment_id, platform, basis, CASE WHEN array_length(account_ids) > 0 THEN 1 ELSE 0 END
),

ways_of_counting AS (
    SELECT 'reach' AS counted_as
    UNION ALL
    SELECT 'exclusive' AS counted_as
    UNION ALL
    SELECT 'fair share' AS counted_as
),

parts AS (
    SELECT
        account_counts.segment_id,
        account_counts.platform,
        account_counts.basis,
        account_counts.account_id,
        ways_of_counting.counted_as,
        CASE
            WHEN ways_of_counting.counted_as = 'reach' THEN 1
            WHEN ways_of_counting.counted_as = 'fair share' THEN CAST(1 AS DOUBLE) / account_counts.n_accounts
            WHEN account_counts.n_accounts = 1 THEN 1
            ELSE 0
        END AS part,
        account_counts.n_members,
        account_counts.people,
        account_counts.people_variance
    FROM account_counts
    CROSS JOIN ways_of_counting
    UNION ALL
    SELECT
        segment_id,
        platform,
        basis,
        '' AS account_id,
        'net reach' AS counted_as,
        is_reached AS part,
        n_members,
        people,
        people_variance
    FROM set_counts
    UNION ALL
    SELECT
        segment_id,
        platform,
        basis,
        '' AS account_id,
        'segment' AS counted_as,
        1 AS part,
        n_members,
        people,
        people_variance
    FROM set_counts
),

-- Fractions of people are added as decimals: whatever the order, two nights give the same last digit.
counts AS (
    SELECT
        segment_id,
        platform,
        basis,
        account_id,
        counted_as,
        CAST(sum(CAST(part * n_members AS DECIMAL(38, 12))) AS DOUBLE) AS found_people,
        CAST(sum(CAST(part * people AS DECIMAL(38, 12))) AS DOUBLE) AS people,
        CAST(sum(CAST(part * part * people_variance AS DECIMAL(38, 12))) AS DOUBLE) AS people_variance
    FROM parts
    GROUP BY segment_id, platform, basis, account_id, counted_as
),

labelled_people AS (
    SELECT
        audit_judgement.segment_id,
        audit_judgement.platform,
        reach_set.basis,
        reach_set.account_ids,
        CASE WHEN audit_judgement.is_member THEN 1 ELSE 0 END AS is_member,
        CASE WHEN audit_judgement.is_member THEN 1 ELSE 0 END - audit_judgement.model_probability AS residual,
        audit_judgement.label_people
    FROM ref.audit_judgement
    INNER JOIN audits_in_force ON audit_judgement.audit_id = audits_in_force.audit_id
    INNER JOIN core.reach_set ON audit_judgement.member_key = reach_set.member_key
),

account_labels AS (
    SELECT
        segment_id,
        platform,
        basis,
        unnest(account_ids) AS account_id,
        array_length(account_ids) AS n_accounts,
        is_member,
        residual,
        label_people
    FROM labelled_people
),

label_parts AS (
    SELECT
        account_labels.segment_id,
        account_labels.platform,
        account_labels.basis,
        account_labels.account_id,
        ways_of_counting.counted_as,
        CASE
            WHEN ways_of_counting.counted_as = 'fair share' THEN CAST(1 AS DOUBLE) / account_labels.n_accounts
            ELSE 1
        END AS part,
        account_labels.is_member,
        account_labels.residual,
        account_labels.label_people
    FROM account_labels
    CROSS JOIN ways_of_counting
    WHERE ways_of_counting.counted_as <> 'exclusive' OR account_labels.n_accounts = 1
    UNION ALL
    SELECT
        segment_id,
        platform,
        basis,
        '' AS account_id,
        'net reach' AS counted_as,
        1 AS part,
        is_member,
        residual,
        label_people
    FROM labelled_people
),

label_sums AS (
    SELECT
        segment_id,
        platform,
        basis,
        account_id,
        counted_as,
        count(*) AS n_audited,
        CAST(sum(CAST(part * is_member AS DECIMAL(38, 12))) AS DOUBLE) AS certain_people,
        CAST(sum(CAST(part * label_people AS DECIMAL(38, 12))) AS DOUBLE) AS weight,
        CAST(sum(CAST(part * label_people * part * label_people AS DECIMAL(38, 12))) AS DOUBLE) AS square_weight,
        CAST(sum(CAST(part * label_people * residual AS DECIMAL(38, 12))) AS DOUBLE) AS residuals,
        CAST(sum(CAST(part * label_people * residual * residual AS DECIMAL(38, 12))) AS DOUBLE) AS square_residuals
    FROM label_parts
    GROUP BY segment_id, platform, basis, account_id, counted_as
),

residuals AS (
    SELECT
        segment_id,
        platform,
        basis,
        account_id,
        counted_as,
        n_audited,
        certain_people,
        residuals / weight AS mean_residual,
        -- As many labels of equal weight would say as much.
        weight * weight / square_weight AS n_equal,
        greatest(square_residuals / weight - (residuals / weight) * (residuals / weight), 0) AS spread
    FROM label_sums
),

-- What a person's probability may be off by, before labels of these very people and through them.
variances AS (
    SELECT
        counts.segment_id,
        counts.platform,
        counts.basis,
        counts.account_id,
        counts.counted_as,
        counts.found_people,
        counts.people,
        counts.people_variance,
        coalesce(residuals.n_audited, 0) AS n_audited,
        coalesce(residuals.certain_people, 0) AS certain_people,
        residuals.mean_residual,
        (residuals.n_equal * residuals.spread + 0.25) / (residuals.n_equal * (residuals.n_equal + 1)) AS label_variance,
        CASE
            WHEN counts.counted_as = 'segment' THEN 0
            ELSE coalesce(audits_in_force.share_apart * audits_in_force.share_apart, 0)
        END AS apart_variance,
        coalesce(
            audits_in_force.relative_error * counts.people / nullif(counts.found_people, 0)
            * audits_in_force.relative_error * counts.people / nullif(counts.found_people, 0), 0
        ) AS audit_variance
    FROM counts
    LEFT JOIN audits_in_force
        ON counts.segment_id = audits_in_force.segment_id AND counts.platform = audits_in_force.platform
    LEFT JOIN residuals
        ON
            counts.segment_id = residuals.segment_id
            AND counts.platform = residuals.platform
            AND counts.basis = residuals.basis
            AND counts.account_id = residuals.account_id
            AND counts.counted_as = residuals.counted_as
),

deviations AS (
    SELECT
        segment_id,
        platform,
        basis,
        account_id,
        counted_as,
        found_people,
        people,
        people_variance,
        n_audited,
        certain_people,
        greatest(found_people - certain_people, 0) AS unsure_people,
        mean_residual,
        coalesce(
            mean_residual * (apart_variance + audit_variance) / (apart_variance + audit_variance + label_variance), 0
        ) AS deviation,
        -- What labels leave of a variance, as a share of it.
        coalesce(label_variance / (apart_variance + audit_variance + label_variance), 1) * apart_variance
            AS apart_variance,
        coalesce(label_variance / (apart_variance + audit_variance + label_variance), 1) * audit_variance
            AS audit_variance
    FROM variances
),

-- As a share of the people who are not certain; half a person away from none and from all.
shares AS (
    SELECT
        *,
        least(
            greatest((people - certain_people) / nullif(unsure_people, 0) + deviation, 0.5 / (unsure_people + 1)),
            (unsure_people + 0.5) / (unsure_people + 1)
        ) AS likely_share,
        sqrt(people_variance / nullif(unsure_people * unsure_people, 0) + apart_variance + audit_variance)
            AS share_error
    FROM deviations
),

bounds AS (
    SELECT
        *,
        certain_people
        + unsure_people / (
            1 + (1 - likely_share) / likely_share
            * exp(least(1.959963984540054 * share_error / (likely_share * (1 - likely_share)), 500))
        ) AS lower_people,
        certain_people
        + unsure_people / (
            1 + (1 - likely_share) / likely_share
            * exp(-least(1.959963984540054 * share_error / (likely_share * (1 - likely_share)), 500))
        ) AS upper_people
    FROM shares
)

SELECT
    CAST(getvariable('as_of') AS DATE) AS as_of,
    segment_id,
    platform,
    nullif(account_id, '') AS account_id,
    basis,
    counted_as,
    found_people,
    people,
    CASE WHEN share_error > 0 THEN least(people, lower_people) ELSE people END AS people_lo,
    CASE WHEN share_error > 0 THEN greatest(people, upper_people) ELSE people END AS people_hi,
    people_variance,
    certain_people,
    n_audited,
    mean_residual,
    CASE
        WHEN share_error > 0 THEN likely_share - (people - certain_people) / unsure_people
        ELSE 0
    END AS deviation,
    apart_variance,
    audit_variance
FROM bounds
