-- One row per segment and own account with interactions in the extracts: how many people may have engaged with it in
-- the last 90 days whom no collected list shows. Platforms count every like and show a part (X the last hundred of a
-- post). Acts are compared post by post and kind by kind with the platform's own count: of a post of the time, or of an
-- older one with an interaction in the time. Mentions nobody counts. From a seen share of acts_extrapolated_from on,
-- the curve of people by acts is extended to the known count (the purpose of Chao et al. 2014, doi 10.1890/13-0133.1):
-- whoever was seen in exactly one act stands for as many unseen people as there are unseen acts to a seen one in that
-- act's own list. That is the first, upper term of Good and Toulmin (1956, doi 10.1093/biomet/43.1-2.45): of people
-- with several acts too many, and it needs no likeness of people, only that a list shows any of its acts as likely as
-- another. One more such person keeps "none seen" from meaning "none there". Below that share every unseen act may be
-- somebody new. Followers with no observed activity are counted in the same way: awake_people_hi are those who may have
-- interacted with other accounts of ours only; in their place stand followers with one act in all. Signatures, and
-- what-if, closures and keep-sets made of them, go on counting whom the extracts show.
WITH accounts_with_acts AS (
    SELECT DISTINCT own_account.platform, own_account.account_id
    FROM core.own_account
    INNER JOIN core.engagement
        ON own_account.platform = engagement.platform AND own_account.account_id = engagement.account_id
),

account_kinds AS (
    SELECT
        post_interaction.platform,
        post_interaction.account_id,
        post_interaction.kind,
        bool_or(post_interaction.is_uncounted) AS is_uncounted,
        sum(post_interaction.n_seen) AS n_seen,
        sum(post_interaction.n_known) AS n_collectable,
        sum(CASE WHEN post_interaction.n_seen > 0 THEN post_interaction.n_known ELSE 0 END) AS n_collectable_where_seen
    FROM core.post_interaction
    GROUP BY post_interaction.platform, post_interaction.account_id, post_interaction.kind
),

posting_accounts AS (
    SELECT DISTINCT platform, account_id FROM core.post
),

extrapolated_from AS (
    SELECT max(value) AS collected_share FROM ref.band
    WHERE band = 'acts_extrapolated_from_share'
),

account_sums AS (
    SELECT
        accounts_with_acts.platform,
        accounts_with_acts.account_id,
        posting_accounts.account_id IS NOT NULL AND NOT coalesce(bool_or(account_kinds.is_uncounted), FALSE)
            AS is_counted,
        coalesce(sum(account_kinds.n_seen), 0) AS n_seen,
        coalesce(sum(account_kinds.n_collectable), 0) AS n_collectable,
        coalesce(sum(account_kinds.n_collectable - account_kinds.n_seen), 0) AS n_hidden,
        -- Of a kind without one collected list nobody can say how its people are spread: each may be another.
        coalesce(sum(CASE WHEN account_kinds.n_seen = 0 THEN account_kinds.n_collectable END), 0) AS n_of_hidden_kinds
    FROM accounts_with_acts
    LEFT JOIN posting_accounts
        ON
            accounts_with_acts.platform = posting_accounts.platform
            AND accounts_with_acts.account_id = posting_accounts.account_id
    LEFT JOIN account_kinds
        ON
            accounts_with_acts.platform = account_kinds.platform
            AND accounts_with_acts.account_id = account_kinds.account_id
    GROUP BY accounts_with_acts.platform, accounts_with_acts.account_id, posting_accounts.account_id
),

account_acts AS (
    SELECT
        account_sums.*,
        CAST(account_sums.n_seen AS DOUBLE) / nullif(account_sums.n_collectable, 0) AS seen_act_share,
        coalesce(
            CAST(account_sums.n_seen AS DOUBLE) / nullif(account_sums.n_collectable, 0)
            >= extrapolated_from.collected_share, FALSE
        ) AS is_extrapolated
    FROM account_sums
    CROSS JOIN extrapolated_from
),

-- The other accounts of ours on the platform, taken together.
others AS (
    SELECT
        account_acts.platform,
        account_acts.account_id,
        coalesce(bool_or(NOT other.is_counted), FALSE) AS has_uncounted,
        coalesce(sum(other.n_hidden), 0) AS n_hidden,
        coalesce(sum(CASE WHEN other.is_extrapolated THEN other.n_of_hidden_kinds ELSE other.n_hidden END), 0)
            AS n_of_anybody,
        coalesce(
            CAST(sum(CASE WHEN other.is_extrapolated THEN other.n_hidden END) AS DOUBLE)
            / nullif(sum(CASE WHEN other.is_extrapolated THEN other.n_seen END), 0), 0
        ) AS mean_odds
    FROM account_acts
    LEFT JOIN account_acts AS other
        ON account_acts.platform = other.platform AND account_acts.account_id <> other.account_id
    GROUP BY account_acts.platform, account_acts.account_id
),

-- Of one seen act of a list: how many of its kind are unseen. A list never collected is like those that were.
list_odds AS (
    SELECT
        post_interaction.platform,
        post_interaction.account_id,
        post_interaction.post_id,
        post_interaction.kind,
        CAST(account_kinds.n_collectable AS DOUBLE) / account_kinds.n_collectable_where_seen
        * post_interaction.n_known / post_interaction.n_seen - 1 AS odds
    FROM core.post_interaction
    INNER JOIN account_kinds
        ON
            post_interaction.platform = account_kinds.platform
            AND post_interaction.account_id = account_kinds.account_id
            AND post_interaction.kind = account_kinds.kind
    WHERE post_interaction.n_seen > 0
),

-- A mention shows a person too: who is known by one is never unseen.
single_people AS (
    SELECT platform, account_id, member_key, min(post_id) AS post_id, min(kind) AS kind
    FROM core.engagement
    WHERE engaged_on > (SELECT recent_after_on FROM core.time_window)
    GROUP BY platform, account_id, member_key
    HAVING count(*) = 1
),

single_odds AS (
    SELECT single_people.platform, single_people.account_id, single_people.member_key, list_odds.odds
    FROM single_people
    INNER JOIN list_odds
        ON
            single_people.platform = list_odds.platform
            AND single_people.account_id = list_odds.account_id
            AND single_people.post_id = list_odds.post_id
            AND single_people.kind = list_odds.kind
),

lone_people AS (
    SELECT platform, member_key, min(account_id) AS account_id, min(post_id) AS post_id, min(kind) AS kind
    FROM core.engagement
    WHERE engaged_on > (SELECT recent_after_on FROM core.time_window)
    GROUP BY platform, member_key
    HAVING count(*) = 1
),

lone_followers AS (
    SELECT follow.platform, follow.account_id, follow.member_key, list_odds.odds
    FROM lone_people
    INNER JOIN account_acts
        ON
            lone_people.platform = account_acts.platform
            AND lone_people.account_id = account_acts.account_id
            AND account_acts.is_extrapolated
    INNER JOIN list_odds
        ON
            lone_people.platform = list_odds.platform
            AND lone_people.account_id = list_odds.account_id
            AND lone_people.post_id = list_odds.post_id
            AND lone_people.kind = list_odds.kind
    INNER JOIN core.follow
        ON
            lone_people.platform = follow.platform
            AND lone_people.member_key = follow.member_key
            AND lone_people.account_id <> follow.account_id
    WHERE follow.ended_on IS NULL
),

stand_ins AS (
    SELECT platform, account_id, member_key, odds, 1 AS is_single FROM single_odds
    UNION ALL
    SELECT platform, account_id, member_key, odds, 0 AS is_single FROM lone_followers
),

weighted_stand_ins AS (
    SELECT
        segment_person.segment_id,
        stand_ins.platform,
        stand_ins.account_id,
        stand_ins.odds,
        stand_ins.is_single,
        segment_person.membership_probability AS weight
    FROM stand_ins
    INNER JOIN core.segment_person
        ON stand_ins.platform = segment_person.platform AND stand_ins.member_key = segment_person.member_key
    WHERE segment_person.is_current
),

-- Added as decimals: whatever the order, two nights give the same last digit.
stand_in_sums AS (
    SELECT
        segment_id,
        platform,
        account_id,
        CAST(sum(CAST(is_single * weight AS DECIMAL(18, 6))) AS DOUBLE) AS single_people,
        CAST(sum(CAST(is_single * weight * odds AS DECIMAL(38, 9))) AS DOUBLE) AS likely_people,
        CAST(sum(CAST(is_single * weight * odds * (1 + odds) AS DECIMAL(38, 9))) AS DOUBLE) AS likely_variance,
        CAST(sum(CAST((1 - is_single) * weight * odds AS DECIMAL(38, 9))) AS DOUBLE) AS active_people,
        CAST(sum(CAST((1 - is_single) * weight * odds * (1 + odds) AS DECIMAL(38, 9))) AS DOUBLE) AS active_variance
    FROM weighted_stand_ins
    GROUP BY segment_id, platform, account_id
),

segments AS (
    SELECT segment_id FROM ref.segment
    UNION ALL
    SELECT 'everyone' AS segment_id
),

rows_of_accounts AS (
    SELECT
        segments.segment_id,
        account_acts.*,
        CAST(account_acts.n_hidden AS DOUBLE) / nullif(account_acts.n_seen, 0) AS mean_odds,
        others.has_uncounted AS others_have_uncounted,
        others.n_hidden AS others_n_hidden,
        others.n_of_anybody AS others_n_of_anybody,
        others.mean_odds AS others_mean_odds,
        coalesce(stand_in_sums.single_people, 0) AS single_people,
        coalesce(stand_in_sums.likely_people, 0) AS likely_people,
        coalesce(stand_in_sums.likely_variance, 0) AS likely_variance,
        coalesce(stand_in_sums.active_people, 0) AS active_people,
        coalesce(stand_in_sums.active_variance, 0) AS active_variance
    FROM segments
    CROSS JOIN account_acts
    INNER JOIN others
        ON account_acts.platform = others.platform AND account_acts.account_id = others.account_id
    LEFT JOIN stand_in_sums
        ON
            segments.segment_id = stand_in_sums.segment_id
            AND account_acts.platform = stand_in_sums.platform
            AND account_acts.account_id = stand_in_sums.account_id
)

SELECT
    CAST(getvariable('as_of') AS DATE) AS as_of,
    segment_id,
    platform,
    account_id,
    CASE WHEN is_counted THEN CAST(n_hidden AS BIGINT) END AS n_hidden_acts,
    CASE WHEN is_counted THEN seen_act_share END AS seen_act_share,
    single_people,
    CASE
        WHEN NOT is_counted THEN NULL
        WHEN is_extrapolated
            THEN
                least(
                    n_of_hidden_kinds + likely_people + mean_odds
                    + 1.959963984540054 * sqrt(likely_variance + mean_odds * (1 + mean_odds)), n_hidden
                )
        ELSE CAST(n_hidden AS DOUBLE)
    END AS hidden_people_hi,
    CASE
        WHEN NOT others_have_uncounted
            THEN
                least(
                    others_n_of_anybody + active_people + others_mean_odds
                    + 1.959963984540054 * sqrt(active_variance + others_mean_odds * (1 + others_mean_odds)),
                    others_n_hidden
                )
    END AS awake_people_hi
FROM rows_of_accounts
