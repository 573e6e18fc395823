-- One row per week, segment and open account of ours: people of the segment who engaged with it and who follow it.
-- People count in every week by what today's definition says of them or last said: those who left the segment, or the
-- platform, stand in the weeks before. Where no extract covers a week, or the account's extract is late, there is no
-- figure: a gap is never a fall.
-- Twenty-six whole weeks at the most, and the one that the day lies in.
WITH series_weeks AS (
    SELECT
        unnest(
            generate_series(
                CAST(series_from_on AS TIMESTAMP),
                date_trunc('week', getvariable('as_of')),
                INTERVAL 7 DAY
            )
        ) AS week_at
    FROM core.time_window
),

own_acts AS (
    SELECT
        engagement.platform,
        engagement.account_id,
        engagement.member_key,
        engagement.kind,
        engagement.engaged_on,
        engagement.engaged_at IS NULL AS is_undated,
        CAST(date_trunc('week', engagement.engaged_on) AS DATE) AS week_on
    FROM core.engagement
    INNER JOIN core.own_account
        ON engagement.platform = own_account.platform AND engagement.account_id = own_account.account_id
    WHERE own_account.is_open AND engagement.engaged_on <= getvariable('as_of')
),

own_posts AS (
    SELECT
        post.platform,
        post.account_id,
        CAST(date_trunc('week', CAST(post.posted_at AS DATE)) AS DATE) AS week_on,
        post.likes,
        post.replies,
        post.reposts,
        post.quotes
    FROM core.post
    INNER JOIN core.own_account
        ON post.platform = own_account.platform AND post.account_id = own_account.account_id
    WHERE own_account.is_open AND CAST(post.posted_at AS DATE) <= getvariable('as_of')
),

weeks_of_data AS (
    SELECT platform, week_on FROM own_acts
    UNION ALL
    SELECT platform, week_on FROM own_posts
    UNION ALL
    SELECT platform, CAST(date_trunc('week', observed_on) AS DATE) AS week_on FROM core.follower_list
),

first_weeks AS (
    SELECT platform, min(week_on) AS week_on
    FROM weeks_of_data
    GROUP BY platform
),

platform_spans AS (
    SELECT platform, min(engaged_on) AS first_act_on, max(engaged_on) AS last_act_on
    FROM own_acts
    GROUP BY platform
),

platform_weeks AS (
    SELECT platform, week_on, bool_or(is_undated) AS has_undated
    FROM own_acts
    GROUP BY platform, week_on
),

account_spans AS (
    SELECT platform, account_id, min(engaged_on) AS first_act_on
    FROM own_acts
    GROUP BY platform, account_id
),

account_kinds AS (
    SELECT DISTINCT platform, account_id, kind FROM own_acts
),

account_weeks AS (
    SELECT DISTINCT platform, account_id, week_on FROM own_acts
),

counted_acts AS (
    SELECT platform, account_id, week_on, 'like' AS kind, likes AS n_acts FROM own_posts
    UNION ALL
    SELECT platform, account_id, week_on, 'reply' AS kind, replies AS n_acts FROM own_posts
    UNION ALL
    SELECT platform, account_id, week_on, 'repost' AS kind, reposts AS n_acts FROM own_posts
    UNION ALL
    SELECT platform, account_id, week_on, 'quote' AS kind, quotes AS n_acts FROM own_posts
),

-- The platform counts acts of kinds that the account's extracts hold at other times.
counted_weeks AS (
    SELECT DISTINCT counted_acts.platform, counted_acts.account_id, counted_acts.week_on
    FROM counted_acts
    INNER JOIN account_kinds
        ON
            counted_acts.platform = account_kinds.platform
            AND counted_acts.account_id = account_kinds.account_id
            AND counted_acts.kind = account_kinds.kind
    WHERE counted_acts.n_acts > 0
),

post_weeks AS (
    SELECT platform, account_id, week_on, count(*) AS n_posts
    FROM own_posts
    GROUP BY platform, account_id, week_on
),

accounts_with_posts AS (
    SELECT DISTINCT platform, account_id FROM own_posts
),

first_lists AS (
    SELECT platform, account_id, min(observed_on) AS observed_on
    FROM core.follower_list
    WHERE is_complete
    GROUP BY platform, account_id
),

-- Until when late extracts of an account tell what happened.
late_extracts AS (
    SELECT
        platform,
        account_id,
        max(CASE WHEN kind = 'engagement' THEN extract_on END) AS engagements_until,
        max(CASE WHEN kind = 'post' THEN extract_on END) AS posts_until,
        max(CASE WHEN kind = 'follower' THEN extract_on END) AS followers_until
    FROM meta.freshness
    WHERE freshness_status IN ('late', 'missing')
    GROUP BY platform, account_id
),

account_series AS (
    SELECT
        own_account.platform,
        own_account.account_id,
        CAST(series_weeks.week_at AS DATE) AS week_on,
        CAST(series_weeks.week_at + INTERVAL 6 DAY AS DATE) AS week_end_on,
        CAST(series_weeks.week_at - INTERVAL 7 DAY AS DATE) AS week_before_on
    FROM core.own_account
    INNER JOIN first_weeks ON own_account.platform = first_weeks.platform
    INNER JOIN series_weeks ON first_weeks.week_on <= series_weeks.week_at
    WHERE own_account.is_open
),

described_series AS (
    SELECT
        account_series.platform,
        account_series.account_id,
        account_series.week_on,
        coalesce(
            account_series.week_on >= account_spans.first_act_on
            AND account_series.week_end_on <= platform_spans.last_act_on,
            FALSE
        ) AS is_whole_week,
        CASE
            WHEN late_extracts.posts_until < account_series.week_end_on THEN NULL
            WHEN accounts_with_posts.account_id IS NOT NULL THEN coalesce(post_weeks.n_posts, 0)
        END AS n_posts,
        coalesce(
            first_lists.observed_on <= account_series.week_end_on
            AND coalesce(late_extracts.followers_until >= account_series.week_on, TRUE),
            FALSE
        ) AS has_list,
        CASE
            WHEN account_spans.account_id IS NULL THEN 'no engagement extract'
            WHEN account_series.week_end_on < account_spans.first_act_on THEN 'before the first interaction'
            WHEN account_series.week_on > platform_spans.last_act_on THEN 'after the last act on the platform'
            WHEN late_extracts.engagements_until < account_series.week_end_on THEN 'its extract of interactions is late'
            WHEN platform_weeks.week_on IS NULL THEN 'no interaction on the platform'
            WHEN account_weeks.week_on IS NULL AND counted_weeks.week_on IS NOT NULL
                THEN 'acts that the platform counts were not delivered'
            WHEN platform_weeks.has_undated AND weeks_before.week_on IS NULL
                THEN 'acts without a day, of this week or earlier ones'
        END AS gap_reason
    FROM account_series
    LEFT JOIN platform_spans ON account_series.platform = platform_spans.platform
    LEFT JOIN platform_weeks
        ON account_series.platform = platform_weeks.platform AND account_series.week_on = platform_weeks.week_on
    LEFT JOIN platform_weeks AS weeks_before
        ON account_series.platform = weeks_before.platform AND account_series.week_before_on = weeks_before.week_on
    LEFT JOIN account_spans
        ON account_series.platform = account_spans.platform AND account_series.account_id = account_spans.account_id
    LEFT JOIN account_weeks
        ON
            account_series.platform = account_weeks.platform
            AND account_series.account_id = account_weeks.account_id
            AND account_series.week_on = account_weeks.week_on
    LEFT JOIN counted_weeks
        ON
            account_series.platform = counted_weeks.platform
            AND account_series.account_id = counted_weeks.account_id
            AND account_series.week_on = counted_weeks.week_on
    LEFT JOIN post_weeks
        ON
            account_series.platform = post_weeks.platform
            AND account_series.account_id = post_weeks.account_id
            AND account_series.week_on = post_weeks.week_on
    LEFT JOIN accounts_with_posts
        ON
            account_series.platform = accounts_with_posts.platform
            AND account_series.account_id = accounts_with_posts.account_id
    LEFT JOIN first_lists
        ON account_series.platform = first_lists.platform AND account_series.account_id = first_lists.account_id
    LEFT JOIN late_extracts
        ON account_series.platform = late_extracts.platform AND account_series.account_id = late_extracts.account_id
),

segments AS (
    SELECT segment_id FROM ref.segment
    UNION ALL
    SELECT 'everyone' AS segment_id
),

-- Whoever an edited definition no longer finds counts in no week: only people may make a series move.
segment_members AS (
    SELECT
        segment_membership.segment_id,
        segment_membership.member_key,
        max_by(segment_membership.membership_probability, segment_membership.entered_on) AS membership_probability
    FROM core.segment_membership
    INNER JOIN ref.segment ON segment_membership.segment_id = segment.segment_id
    WHERE
        segment_membership.left_on IS NULL
        OR (
            segment_membership.left_on > (SELECT series_after_on FROM core.time_window)
            AND segment_membership.definition_hash = segment.definition_hash
        )
    GROUP BY segment_membership.segment_id, segment_membership.member_key
),

acting_people AS (
    SELECT DISTINCT platform, account_id, member_key, week_on FROM own_acts
    WHERE week_on >= (SELECT series_from_on FROM core.time_window)
),

active_weeks AS (
    SELECT
        segment_members.segment_id,
        acting_people.platform,
        acting_people.account_id,
        acting_people.week_on,
        sum(CAST(segment_members.membership_probability AS DECIMAL(18, 6))) AS active_people
    FROM acting_people
    INNER JOIN segment_members ON acting_people.member_key = segment_members.member_key
    GROUP BY
        segment_members.segment_id,
        acting_people.platform,
        acting_people.account_id,
        acting_people.week_on
    UNION ALL
    SELECT 'everyone' AS segment_id, platform, account_id, week_on, count(*) AS active_people
    FROM acting_people
    GROUP BY platform, account_id, week_on
),

-- Weeks from which, and from which no longer, a member follows at the week's end.
follow_weeks AS (
    SELECT
        follow.platform,
        follow.account_id,
        follow.member_key,
        greatest(
            date_trunc('week', follow.first_seen_on), (SELECT series_from_on FROM core.time_window)
        ) AS from_week_at,
        greatest(
            date_trunc('week', follow.ended_on), (SELECT series_from_on FROM core.time_window)
        ) AS to_week_at,
        follow.ended_on IS NOT NULL AS has_ended
    FROM core.follow
    INNER JOIN core.own_account
        ON follow.platform = own_account.platform AND follow.account_id = own_account.account_id
    WHERE own_account.is_open AND coalesce(follow.ended_on > (SELECT series_after_on FROM core.time_window), TRUE)
),

followed_times AS (
    SELECT
        segment_members.segment_id,
        follow_weeks.platform,
        follow_weeks.account_id,
        follow_weeks.from_week_at,
        follow_weeks.to_week_at,
        follow_weeks.has_ended,
        sum(CAST(segment_members.membership_probability AS DECIMAL(18, 6))) AS people
    FROM follow_weeks
    INNER JOIN segment_members ON follow_weeks.member_key = segment_members.member_key
    GROUP BY
        segment_members.segment_id,
        follow_weeks.platform,
        follow_weeks.account_id,
        follow_weeks.from_week_at,
        follow_weeks.to_week_at,
        follow_weeks.has_ended
    UNION ALL
    SELECT 'everyone' AS segment_id, platform, account_id, from_week_at, to_week_at, has_ended, count(*) AS people
    FROM follow_weeks
    GROUP BY platform, account_id, from_week_at, to_week_at, has_ended
),

moves AS (
    SELECT segment_id, platform, account_id, CAST(from_week_at AS DATE) AS week_on, people AS change
    FROM followed_times
    UNION ALL
    SELECT segment_id, platform, account_id, CAST(to_week_at AS DATE) AS week_on, -people AS change
    FROM followed_times
    WHERE has_ended
),

follower_weeks AS (
    SELECT segment_id, platform, account_id, week_on, sum(change) AS change
    FROM moves
    GROUP BY segment_id, platform, account_id, week_on
),

segment_series AS (
    SELECT
        segments.segment_id,
        described_series.*,
        active_weeks.active_people,
        sum(coalesce(follower_weeks.change, 0)) OVER (
            PARTITION BY segments.segment_id, described_series.platform, described_series.account_id
            ORDER BY described_series.week_on
        ) AS followers
    FROM described_series
    CROSS JOIN segments
    LEFT JOIN active_weeks
        ON
            segments.segment_id = active_weeks.segment_id
            AND described_series.platform = active_weeks.platform
            AND described_series.account_id = active_weeks.account_id
            AND described_series.week_on = active_weeks.week_on
    LEFT JOIN follower_weeks
        ON
            segments.segment_id = follower_weeks.segment_id
            AND described_series.platform = follower_weeks.platform
            AND described_series.account_id = follower_weeks.account_id
            AND described_series.week_on = follower_weeks.week_on
)

SELECT
    CAST(getvariable('as_of') AS DATE) AS as_of,
    segment_id,
    platform,
    account_id,
    week_on,
    is_whole_week,
    n_posts,
    CASE WHEN gap_reason IS NULL THEN CAST(coalesce(active_people, 0) AS DOUBLE) END AS active_people,
    CASE WHEN has_list THEN CAST(round(followers) AS BIGINT) END AS followers,
    gap_reason
FROM segment_series
