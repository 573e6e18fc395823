-- One row per segment, own open account and basis: whom of the segment the account reaches, and whom only it does.
-- Every figure is a sum over mart.reach_signature, every bound (95 %) starts from core.reach_interval. An account
-- without lists of people has no figure but a reason: a total counts the same person many times and cannot be split by
-- segment. Bounds also hold what extracts may hide: followers whom the platform counts and no list shows may all be of
-- the segment, and people behind likes that no list shows (core.hidden_engagement) may engage too; all of them may be
-- people whom another account seems to reach alone. Where nobody counts them there is no upper bound.
WITH account_signatures AS (
    SELECT
        segment_id,
        platform,
        basis,
        unnest(account_ids) AS account_id,
        array_length(account_ids) AS n_accounts,
        n_members,
        people,
        people_variance
    FROM mart.reach_signature
),

shared_people AS (
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

gross AS (
    SELECT
        segment_id,
        platform,
        basis,
        account_id,
        max(n_accounts) AS most_accounts,
        sum(people * n_accounts) / nullif(sum(people), 0) AS frequency
    FROM shared_people
    GROUP BY segment_id, platform, basis, account_id
),

-- Of a ratio, by its straight line at the estimate: what the probabilities leave open, and how far apart people of
-- one account and of several may be. Labels of the account tell little of that: as much as those of its own people.
frequencies AS (
    SELECT
        gross.segment_id,
        gross.platform,
        gross.basis,
        gross.account_id,
        gross.frequency,
        gross.most_accounts,
        sum(
            (shared_people.n_accounts - gross.frequency) * (shared_people.n_accounts - gross.frequency)
            * CAST(shared_people.people_variance AS DOUBLE)
        ) AS open_variance,
        sum(
            (shared_people.n_accounts - gross.frequency) * (shared_people.n_accounts - gross.frequency)
            * CAST(shared_people.n_members AS DOUBLE) * shared_people.n_members
        ) AS square_members
    FROM gross
    INNER JOIN shared_people
        ON
            gross.segment_id = shared_people.segment_id
            AND gross.platform = shared_people.platform
            AND gross.basis = shared_people.basis
            AND gross.account_id = shared_people.account_id
    GROUP BY
        gross.segment_id,
        gross.platform,
        gross.basis,
        gross.account_id,
        gross.frequency,
        gross.most_accounts
),

segment_totals AS (
    SELECT
        segment_id,
        platform,
        basis,
        people,
        people_lo,
        people_hi,
        people_variance,
        audit_variance * found_people * found_people / nullif(people * people, 0) AS square_audit_error
    FROM core.reach_interval
    WHERE counted_as = 'segment'
),

everyone_totals AS (
    SELECT platform, basis, people AS everyone_people FROM segment_totals
    WHERE segment_id = 'everyone'
),

-- One row per account of the three ways of counting its people.
intervals AS (
    SELECT
        segment_id,
        platform,
        basis,
        account_id,
        max(CASE WHEN counted_as = 'reach' THEN people END) AS reach_people,
        max(CASE WHEN counted_as = 'reach' THEN people_lo END) AS reach_people_lo,
        max(CASE WHEN counted_as = 'reach' THEN people_hi END) AS reach_people_hi,
        max(CASE WHEN counted_as = 'exclusive' THEN people END) AS exclusive_people,
        max(CASE WHEN counted_as = 'exclusive' THEN people_lo END) AS exclusive_people_lo,
        max(CASE WHEN counted_as = 'exclusive' THEN people_hi END) AS exclusive_people_hi,
        max(CASE WHEN counted_as = 'fair share' THEN people END) AS fair_share_people,
        max(CASE WHEN counted_as = 'fair share' THEN people_lo END) AS fair_share_people_lo,
        max(CASE WHEN counted_as = 'fair share' THEN people_hi END) AS fair_share_people_hi,
        max(CASE WHEN counted_as = 'reach' THEN people_variance END) AS people_variance,
        max(CASE WHEN counted_as = 'exclusive' THEN apart_variance END) AS exclusive_apart_variance,
        max(CASE WHEN counted_as = 'reach' THEN (found_people - certain_people) * deviation END) AS moved_people,
        max(
            CASE
                WHEN counted_as = 'reach'
                    THEN (found_people - certain_people) * (found_people - certain_people) * apart_variance
            END
        ) AS moved_variance,
        max(
            CASE
                WHEN counted_as = 'reach'
                    THEN audit_variance * found_people * found_people / nullif(people * people, 0)
            END
        ) AS square_audit_error,
        max(CASE WHEN counted_as = 'reach' THEN n_audited END) AS n_audited
    FROM core.reach_interval
    WHERE account_id IS NOT NULL
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

reported_followers AS (
    SELECT platform, account_id, max_by(value, day) AS followers_reported
    FROM core.account_day
    WHERE metric = 'followers' AND value IS NOT NULL AND day <= getvariable('as_of')
    GROUP BY platform, account_id
),

-- A few acts always lack: platforms count late, and count people who have gone. The bounds hold these, too.
collected_at_least AS (
    SELECT max(value) AS act_share FROM ref.band
    WHERE band = 'acts_collected_at_least'
),

-- What was received of each account, and whether any interactions with an open account of ours were received on its
-- platform.
account_data AS (
    SELECT
        own_account.platform,
        own_account.account_id,
        newest_lists.data_on AS list_on,
        newest_lists.has_complete_list,
        newest_engagements.data_on AS acts_on,
        accounts_with_totals.account_id IS NOT NULL AS has_totals,
        max(newest_engagements.data_on) OVER (PARTITION BY own_account.platform) IS NOT NULL AS platform_has_acts,
        hidden_engagement.n_hidden_acts IS NULL AS has_uncounted_acts,
        hidden_engagement.seen_act_share < collected_at_least.act_share AS has_unlisted,
        CASE
            WHEN newest_lists.has_complete_list THEN 0
            WHEN newest_lists.data_on IS NOT NULL AND reported_followers.followers_reported IS NOT NULL
                THEN greatest(reported_followers.followers_reported - coalesce(listed.reach_people, 0), 0)
        END AS unlisted_people
    FROM core.own_account
    CROSS JOIN collected_at_least
    LEFT JOIN core.hidden_engagement
        ON
            own_account.platform = hidden_engagement.platform
            AND own_account.account_id = hidden_engagement.account_id
            AND hidden_engagement.segment_id = 'everyone'
    LEFT JOIN newest_lists
        ON own_account.platform = newest_lists.platform AND own_account.account_id = newest_lists.account_id
    LEFT JOIN newest_engagements
        ON own_account.platform = newest_engagements.platform AND own_account.account_id = newest_engagements.account_id
    LEFT JOIN accounts_with_totals
        ON
            own_account.platform = accounts_with_totals.platform
            AND own_account.account_id = accounts_with_totals.account_id
    LEFT JOIN reported_followers
        ON own_account.platform = reported_followers.platform AND own_account.account_id = reported_followers.account_id
    LEFT JOIN intervals AS listed
        ON
            own_account.platform = listed.platform
            AND own_account.account_id = listed.account_id
            AND listed.segment_id = 'everyone'
            AND listed.basis = 'follower'
    WHERE own_account.is_open
),

account_bases AS (
    SELECT
        platform,
        account_id,
        'follower' AS basis,
        list_on AS data_on,
        has_complete_list,
        unlisted_people,
        CASE
            WHEN has_complete_list THEN NULL
            WHEN list_on IS NOT NULL THEN 'partial list: at least this many'
            WHEN acts_on IS NOT NULL THEN 'no follower list'
            WHEN has_totals THEN 'totals only'
            ELSE 'no extract'
        END AS reach_reason
    FROM account_data
    UNION ALL
    SELECT
        platform,
        account_id,
        'engaged' AS basis,
        acts_on AS data_on,
        has_complete_list,
        0 AS unlisted_people,
        CASE
            WHEN acts_on IS NOT NULL AND has_uncounted_acts THEN 'acts not counted: at least this many'
            WHEN acts_on IS NOT NULL AND has_unlisted THEN 'acts collected in part: at least this many'
            WHEN acts_on IS NOT NULL THEN NULL
            WHEN list_on IS NOT NULL THEN 'no engagement extract'
            WHEN has_totals THEN 'totals only'
            ELSE 'no extract'
        END AS reach_reason
    FROM account_data
    UNION ALL
    -- Where nobody's acts were collected nobody is known to be active. Acts with other accounts of ours are signs of
    -- life too; without an account's own interactions, or its complete list, more people may be active than it shows.
    SELECT
        platform,
        account_id,
        'active' AS basis,
        CASE WHEN platform_has_acts THEN greatest(list_on, acts_on) END AS data_on,
        has_complete_list,
        unlisted_people,
        CASE
            WHEN list_on IS NULL AND acts_on IS NULL AND has_totals THEN 'totals only'
            WHEN list_on IS NULL AND acts_on IS NULL THEN 'no extract'
            WHEN NOT platform_has_acts THEN 'no engagement extract'
            WHEN list_on IS NULL THEN 'no follower list: at least this many'
            WHEN NOT has_complete_list THEN 'partial list: at least this many'
            WHEN acts_on IS NULL THEN 'no engagement extract: at least this many'
            WHEN has_uncounted_acts THEN 'acts not counted: at least this many'
            WHEN has_unlisted THEN 'acts collected in part: at least this many'
        END AS reach_reason
    FROM account_data
),

segments AS (
    SELECT segment_id FROM ref.segment
    UNION ALL
    SELECT 'everyone' AS segment_id
),

-- Followers with no observed activity: an unlisted interaction with any account of ours would have shown some.
silent_followers AS (
    SELECT
        segment_id,
        platform,
        account_id,
        greatest(
            max(CASE WHEN basis = 'follower' THEN reach_people_hi END)
            - coalesce(max(CASE WHEN basis = 'active' THEN reach_people END), 0)
            + coalesce(max(CASE WHEN basis = 'engaged' THEN reach_people END), 0), 0
        ) AS silent_people
    FROM intervals
    GROUP BY segment_id, platform, account_id
),

-- How many more people an account may reach than its extracts show: none, at most so many, or nobody knows.
hidden AS (
    SELECT
        segments.segment_id,
        account_bases.platform,
        account_bases.account_id,
        account_bases.basis,
        account_bases.data_on,
        account_bases.reach_reason,
        CASE
            WHEN account_bases.data_on IS NULL THEN 0
            WHEN account_bases.basis = 'follower' THEN account_bases.unlisted_people
            ELSE account_bases.unlisted_people + hidden_engagement.hidden_people_hi
        END AS new_people,
        CASE
            WHEN account_bases.basis = 'active'
                THEN least(hidden_engagement.awake_people_hi, coalesce(silent_followers.silent_people, 0))
            ELSE 0
        END AS unseen_active_people,
        -- Without a complete list, who interacted unlisted may be somebody whom no extract has ever shown.
        CASE
            WHEN account_bases.basis = 'follower' OR account_bases.has_complete_list THEN 0
            ELSE hidden_engagement.hidden_people_hi
        END AS unheard_people
    FROM segments
    CROSS JOIN account_bases
    LEFT JOIN core.hidden_engagement
        ON
            segments.segment_id = hidden_engagement.segment_id
            AND account_bases.platform = hidden_engagement.platform
            AND account_bases.account_id = hidden_engagement.account_id
    LEFT JOIN silent_followers
        ON
            segments.segment_id = silent_followers.segment_id
            AND account_bases.platform = silent_followers.platform
            AND account_bases.account_id = silent_followers.account_id
),

hidden_elsewhere AS (
    SELECT
        *,
        new_people + unseen_active_people AS unseen_people,
        max(CASE WHEN segment_id = 'everyone' THEN new_people + unseen_active_people END)
            OVER (PARTITION BY platform, account_id, basis) AS hidden_of_everyone,
        -- Of every other account on the platform; more than there are people where one of them is unknown. Added as
        -- decimals: whatever the order, two nights give the same last digit.
        CAST(
            sum(CAST(coalesce(new_people, 1e12) AS DECIMAL(38, 9))) OVER (PARTITION BY segment_id, platform, basis)
            - CAST(coalesce(new_people, 1e12) AS DECIMAL(38, 9)) AS DOUBLE
        ) AS others_unseen_people,
        count(data_on) OVER (PARTITION BY segment_id, platform, basis) AS n_known_accounts
    FROM hidden
),

counts AS (
    SELECT
        hidden_elsewhere.segment_id,
        hidden_elsewhere.platform,
        hidden_elsewhere.account_id,
        hidden_elsewhere.basis,
        hidden_elsewhere.data_on,
        hidden_elsewhere.reach_reason,
        hidden_elsewhere.unseen_people,
        hidden_elsewhere.unheard_people,
        hidden_elsewhere.hidden_of_everyone,
        hidden_elsewhere.others_unseen_people,
        hidden_elsewhere.n_known_accounts,
        coalesce(segment_totals.people, 0) AS segment_people,
        coalesce(segment_totals.people_lo, 0) AS segment_people_lo,
        coalesce(segment_totals.people_hi, 0) AS segment_people_hi,
        coalesce(segment_totals.people_variance, 0) AS segment_variance,
        everyone_totals.everyone_people,
        coalesce(reached_of_everyone.reach_people, 0) AS account_people,
        coalesce(reached.reach_people, 0) AS reach_people,
        coalesce(reached.reach_people_lo, 0) AS reach_people_lo,
        coalesce(reached.reach_people_hi, 0) AS reach_people_hi,
        coalesce(reached.exclusive_people, 0) AS exclusive_people,
        coalesce(reached.exclusive_people_lo, 0) AS exclusive_people_lo,
        coalesce(reached.exclusive_people_hi, 0) AS exclusive_people_hi,
        coalesce(reached.fair_share_people, 0) AS fair_share_people,
        coalesce(reached.fair_share_people_lo, 0) AS fair_share_people_lo,
        coalesce(reached.fair_share_people_hi, 0) AS fair_share_people_hi,
        coalesce(reached.people_variance, 0) AS people_variance,
        coalesce(reached.moved_people, 0) AS moved_people,
        coalesce(reached.moved_variance, 0) AS moved_variance,
        -- The audit's own error moves an account's people and all others alike, but for what labels told of them.
        coalesce(greatest(segment_totals.square_audit_error - reached.square_audit_error, 0), 0) AS square_audit_error,
        coalesce(reached.n_audited, 0) AS n_audited,
        frequencies.frequency,
        frequencies.most_accounts,
        sqrt(
            coalesce(frequencies.open_variance, 0)
            + coalesce(frequencies.square_members * reached.exclusive_apart_variance, 0)
        )
        / nullif(reached.reach_people, 0) AS frequency_error
    FROM hidden_elsewhere
    LEFT JOIN segment_totals
        ON
            hidden_elsewhere.segment_id = segment_totals.segment_id
            AND hidden_elsewhere.platform = segment_totals.platform
            AND hidden_elsewhere.basis = segment_totals.basis
    LEFT JOIN everyone_totals
        ON
            hidden_elsewhere.platform = everyone_totals.platform
            AND hidden_elsewhere.basis = everyone_totals.basis
    LEFT JOIN intervals AS reached
        ON
            hidden_elsewhere.segment_id = reached.segment_id
            AND hidden_elsewhere.platform = reached.platform
            AND hidden_elsewhere.basis = reached.basis
            AND hidden_elsewhere.account_id = reached.account_id
    LEFT JOIN intervals AS reached_of_everyone
        ON
            reached_of_everyone.segment_id = 'everyone'
            AND hidden_elsewhere.platform = reached_of_everyone.platform
            AND hidden_elsewhere.basis = reached_of_everyone.basis
            AND hidden_elsewhere.account_id = reached_of_everyone.account_id
    LEFT JOIN frequencies
        ON
            hidden_elsewhere.segment_id = frequencies.segment_id
            AND hidden_elsewhere.platform = frequencies.platform
            AND hidden_elsewhere.basis = frequencies.basis
            AND hidden_elsewhere.account_id = frequencies.account_id
),

-- The share reached, as moved by labels: the people reached and the others of the segment vary on their own.
moved AS (
    SELECT
        *,
        (reach_people + moved_people) / nullif(segment_people + moved_people, 0) AS likely_share,
        greatest(segment_variance - people_variance, 0) AS others_variance
    FROM counts
),

share_errors AS (
    SELECT
        *,
        sqrt(
            (1 - likely_share) * (1 - likely_share) * (people_variance + moved_variance)
            + likely_share * likely_share * others_variance
            + likely_share * likely_share * (segment_people - reach_people) * (segment_people - reach_people)
            * square_audit_error
        )
        / nullif(segment_people + moved_people, 0) AS share_error
    FROM moved
),

share_bounds AS (
    SELECT
        *,
        reach_people / nullif(segment_people, 0) AS coverage_share,
        CASE
            WHEN share_error > 0 AND likely_share > 0 AND likely_share < 1
                THEN
                    1 / (
                        1 + (1 - likely_share) / likely_share
                        * exp(least(1.959963984540054 * share_error / (likely_share * (1 - likely_share)), 500))
                    )
        END AS lower_share,
        CASE
            WHEN share_error > 0 AND likely_share > 0 AND likely_share < 1
                THEN
                    1 / (
                        1 + (1 - likely_share) / likely_share
                        * exp(-least(1.959963984540054 * share_error / (likely_share * (1 - likely_share)), 500))
                    )
        END AS upper_share
    FROM share_errors
),

-- What lists hide is added at the end: to the people reached, and to those whom they may be shared with. Whoever turns
-- out to be reached by one account more is shared by one more: at most a half of each is lost.
bounds AS (
    SELECT
        *,
        CASE
            WHEN unseen_people IS NOT NULL
                THEN
                    least(
                        reach_people_hi + unseen_people, greatest(segment_people_hi, reach_people_hi) + unheard_people
                    )
        END AS reach_people_most,
        CASE
            WHEN unseen_people IS NOT NULL
                THEN
                    least(
                        exclusive_people_hi + unseen_people,
                        greatest(segment_people_hi, exclusive_people_hi) + unheard_people
                    )
        END AS exclusive_people_most,
        greatest(exclusive_people_lo - others_unseen_people, 0) AS exclusive_people_least,
        CASE
            WHEN unseen_people IS NOT NULL
                THEN
                    least(
                        fair_share_people_hi + unseen_people,
                        greatest(segment_people_hi, fair_share_people_hi) + unheard_people
                    )
        END AS fair_share_people_most,
        greatest(fair_share_people_lo - others_unseen_people / 2, 0) AS fair_share_people_least,
        CASE WHEN segment_people > 0 THEN least(coalesce(lower_share, coverage_share), coverage_share) END
            AS coverage_share_least,
        greatest(coalesce(upper_share, coverage_share), coverage_share) AS coverage_share_listed,
        reach_people / nullif(account_people, 0) AS composition_share,
        nullif(account_people, 0) + hidden_of_everyone AS account_people_most,
        everyone_people / nullif(segment_people, 0) AS segment_rarity,
        CASE
            WHEN frequency > 1
                THEN 1 + (frequency - 1) / exp(least(1.959963984540054 * frequency_error / (frequency - 1), 500))
            ELSE frequency
        END AS frequency_least,
        CASE
            WHEN frequency > 1
                THEN
                    least(
                        1 + (frequency - 1) * exp(least(1.959963984540054 * frequency_error / (frequency - 1), 500)),
                        most_accounts
                    )
            ELSE frequency
        END AS frequency_most
    FROM share_bounds
),

-- Of an account's people most are of the segment if whoever is hidden is of it, and no more people than that.
compositions AS (
    SELECT
        *,
        CASE
            WHEN reach_people_most IS NOT NULL AND account_people > 0
                THEN least(reach_people_most / (account_people + reach_people_most - reach_people_hi), 1)
        END AS composition_share_most
    FROM bounds
)

SELECT
    CAST(getvariable('as_of') AS DATE) AS as_of,
    segment_id,
    platform,
    account_id,
    basis,
    CASE WHEN data_on IS NOT NULL THEN CAST(round(reach_people) AS BIGINT) END AS reach_people,
    CASE WHEN data_on IS NOT NULL THEN CAST(floor(round(reach_people_lo, 6)) AS BIGINT) END AS reach_people_lo,
    CASE WHEN data_on IS NOT NULL THEN CAST(ceil(round(reach_people_most, 6)) AS BIGINT) END AS reach_people_hi,
    CASE WHEN data_on IS NOT NULL THEN CAST(round(exclusive_people) AS BIGINT) END AS exclusive_people,
    CASE WHEN data_on IS NOT NULL THEN CAST(floor(round(exclusive_people_least, 6)) AS BIGINT) END
        AS exclusive_people_lo,
    CASE WHEN data_on IS NOT NULL THEN CAST(ceil(round(exclusive_people_most, 6)) AS BIGINT) END
        AS exclusive_people_hi,
    CASE WHEN data_on IS NOT NULL THEN fair_share_people END AS fair_share_people,
    CASE WHEN data_on IS NOT NULL THEN fair_share_people_least END AS fair_share_people_lo,
    CASE WHEN data_on IS NOT NULL THEN fair_share_people_most END AS fair_share_people_hi,
    CASE WHEN data_on IS NOT NULL THEN CAST(round(segment_people) AS BIGINT) END AS segment_people,
    CASE WHEN data_on IS NOT NULL THEN CAST(floor(round(segment_people_lo, 6)) AS BIGINT) END AS segment_people_lo,
    CASE WHEN data_on IS NOT NULL THEN CAST(ceil(round(segment_people_hi, 6)) AS BIGINT) END AS segment_people_hi,
    CASE WHEN data_on IS NOT NULL THEN CAST(round(account_people) AS BIGINT) END AS account_people,
    CAST(round(everyone_people) AS BIGINT) AS everyone_people,
    CASE WHEN data_on IS NOT NULL THEN coverage_share END AS coverage_share,
    CASE WHEN data_on IS NOT NULL THEN coverage_share_least END AS coverage_share_lo,
    CASE
        WHEN data_on IS NOT NULL AND unseen_people IS NOT NULL AND segment_people > 0
            THEN least(coverage_share_listed + unseen_people / segment_people, 1)
    END AS coverage_share_hi,
    CASE WHEN data_on IS NOT NULL THEN composition_share END AS composition_share,
    CASE WHEN data_on IS NOT NULL THEN reach_people_lo / account_people_most END AS composition_share_lo,
    CASE WHEN data_on IS NOT NULL THEN composition_share_most END AS composition_share_hi,
    CASE WHEN data_on IS NOT NULL THEN 100 * composition_share * segment_rarity END AS affinity_index,
    -- With every follower listed the size of the segment is as uncertain as its share, and both go together.
    CASE
        WHEN data_on IS NULL THEN NULL
        WHEN hidden_of_everyone = 0 THEN 100 * coverage_share_least * everyone_people / nullif(account_people, 0)
        ELSE 100 * reach_people_lo / account_people_most * segment_rarity
    END AS affinity_index_lo,
    CASE
        WHEN data_on IS NULL THEN NULL
        WHEN hidden_of_everyone = 0 THEN 100 * coverage_share_listed * everyone_people / nullif(account_people, 0)
        ELSE 100 * segment_rarity * composition_share_most
    END AS affinity_index_hi,
    CASE WHEN data_on IS NOT NULL THEN frequency END AS frequency,
    CASE
        WHEN data_on IS NOT NULL AND unseen_people IS NOT NULL
            THEN (frequency_least * reach_people + unseen_people) / nullif(reach_people + unseen_people, 0)
    END AS frequency_lo,
    CASE
        WHEN data_on IS NOT NULL AND unseen_people IS NOT NULL AND reach_people > 0 AND frequency > 0
            THEN
                least(
                    (frequency_most * reach_people + unseen_people * n_known_accounts + others_unseen_people)
                    / (reach_people + unseen_people), n_known_accounts
                )
    END AS frequency_hi,
    CASE WHEN data_on IS NOT NULL THEN n_audited END AS n_audited,
    data_on,
    CASE
        WHEN data_on IS NULL THEN 'unknown'
        WHEN reach_reason IS NULL THEN 'exact'
        ELSE 'lower_bound'
    END AS reach_status,
    reach_reason
FROM compositions
