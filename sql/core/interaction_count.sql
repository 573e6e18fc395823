-- One row per segment, open account of ours and group of people: what they did with it in the last 90 days.
-- The groups share out everybody who interacted: people of the segment, following or not; other followers of today; and
-- passers-by, who do not follow. A person counts in the segment by the probability to belong, and with the rest of
-- it in another group, so that the groups add up to the account's acts. A row without acts stands at 0: that was seen.
-- An account without one act in the extracts has no rows: nobody collected its acts.
WITH segments AS (
    SELECT segment_id FROM ref.segment
),

own_acts AS (
    SELECT
        engagement.platform,
        engagement.account_id,
        engagement.member_key,
        engagement.kind,
        engagement.engaged_at,
        engagement.engaged_on,
        engagement.is_hostile,
        engagement.is_substantive
    FROM core.engagement
    INNER JOIN core.own_account
        ON engagement.platform = own_account.platform AND engagement.account_id = own_account.account_id
    WHERE own_account.is_open
),

measured_accounts AS (
    SELECT DISTINCT platform, account_id FROM own_acts
),

-- The rule is in bands.yml. Interactions without a time share the day of their delivery, which shows nothing of a day.
busy_days AS (
    SELECT platform, member_key, count(*) AS n_acts
    FROM own_acts
    WHERE engaged_at IS NOT NULL AND engaged_on > (SELECT recent_after_on FROM core.time_window)
    GROUP BY platform, member_key, CAST(engaged_at AS DATE)
),

likely_automated_people AS (
    SELECT DISTINCT busy_days.platform, busy_days.member_key
    FROM busy_days
    INNER JOIN ref.band ON busy_days.n_acts > band.value
    WHERE band.band = 'likely_automated_acts_a_day'
),

member_acts AS (
    SELECT
        platform,
        account_id,
        member_key,
        count(*) AS n_acts,
        sum(CASE WHEN kind = 'like' THEN 1 ELSE 0 END) AS n_applause,
        sum(CASE WHEN kind = 'reply' THEN 1 ELSE 0 END) AS n_conversation,
        sum(CASE WHEN kind IN ('repost', 'quote') THEN 1 ELSE 0 END) AS n_amplification,
        sum(CASE WHEN kind = 'mention' THEN 1 ELSE 0 END) AS n_mentions,
        sum(CASE WHEN kind IN ('reply', 'quote', 'mention') THEN 1 ELSE 0 END) AS n_worded,
        count(is_substantive) AS n_texts,
        count(is_hostile) AS n_judged,
        sum(CASE WHEN is_hostile THEN 1 ELSE 0 END) AS n_hostile,
        sum(CASE WHEN is_substantive THEN 1 ELSE 0 END) AS n_substantive
    FROM own_acts
    WHERE engaged_on > (SELECT recent_after_on FROM core.time_window)
    GROUP BY platform, account_id, member_key
),

todays_followers AS (
    SELECT DISTINCT platform, account_id, member_key FROM core.follow
    WHERE ended_on IS NULL
),

people AS (
    SELECT
        member_acts.*,
        todays_followers.member_key IS NOT NULL AS is_follower,
        CASE WHEN likely_automated_people.member_key IS NOT NULL THEN member_acts.n_acts ELSE 0 END
            AS n_likely_automated
    FROM member_acts
    LEFT JOIN todays_followers
        ON
            member_acts.platform = todays_followers.platform
            AND member_acts.account_id = todays_followers.account_id
            AND member_acts.member_key = todays_followers.member_key
    LEFT JOIN likely_automated_people
        ON
            member_acts.platform = likely_automated_people.platform
            AND member_acts.member_key = likely_automated_people.member_key
),

weighted_people AS (
    SELECT
        segment_person.segment_id AS of_segment_id,
        CAST(segment_person.membership_probability AS DECIMAL(18, 6)) AS weight,
        people.*
    FROM people
    INNER JOIN core.segment_person
        ON people.platform = segment_person.platform AND people.member_key = segment_person.member_key
    WHERE segment_person.is_current
),

-- Sums of squares and products within a person say how far a few people wrote most of the texts.
totals AS (
    SELECT
        of_segment_id,
        platform,
        account_id,
        is_follower,
        sum(weight) AS engaged_people,
        sum(weight * n_applause) AS n_applause,
        sum(weight * n_conversation) AS n_conversation,
        sum(weight * n_amplification) AS n_amplification,
        sum(weight * n_mentions) AS n_mentions,
        sum(weight * n_worded) AS n_worded,
        sum(weight * n_texts) AS n_texts,
        sum(weight * n_judged) AS n_judged,
        sum(weight * n_hostile) AS n_hostile,
        sum(weight * n_substantive) AS n_substantive,
        sum(weight * n_likely_automated) AS n_likely_automated,
        sum(weight * n_judged * n_judged) AS judged_squares,
        sum(weight * n_judged * n_hostile) AS judged_hostile_products,
        sum(weight * n_hostile * n_hostile) AS hostile_squares
    FROM weighted_people
    GROUP BY of_segment_id, platform, account_id, is_follower
),

-- The segment's part of each total is taken out of the other groups.
signed_totals AS (
    SELECT
        'everyone' AS segment_id,
        CASE WHEN totals.is_follower THEN 'followers' ELSE 'passers-by' END AS by_whom,
        1 AS sign,
        totals.*
    FROM totals
    WHERE totals.of_segment_id = 'everyone'
    UNION ALL
    SELECT totals.of_segment_id AS segment_id, 'segment' AS by_whom, 1 AS sign, totals.*
    FROM totals
    WHERE totals.of_segment_id <> 'everyone'
    UNION ALL
    SELECT
        totals.of_segment_id AS segment_id,
        CASE WHEN totals.is_follower THEN 'other followers' ELSE 'passers-by' END AS by_whom,
        -1 AS sign,
        totals.*
    FROM totals
    WHERE totals.of_segment_id <> 'everyone'
    UNION ALL
    SELECT
        segments.segment_id,
        CASE WHEN totals.is_follower THEN 'other followers' ELSE 'passers-by' END AS by_whom,
        1 AS sign,
        totals.*
    FROM totals
    CROSS JOIN segments
    WHERE totals.of_segment_id = 'everyone'
),

groups AS (
    SELECT segments.segment_id, by_whoms.by_whom
    FROM segments
    CROSS JOIN (VALUES ('segment'), ('other followers'), ('passers-by')) AS by_whoms (by_whom)
    UNION ALL
    SELECT 'everyone' AS segment_id, by_whoms.by_whom
    FROM (VALUES ('followers'), ('passers-by')) AS by_whoms (by_whom)
)

SELECT
    CAST(getvariable('as_of') AS DATE) AS as_of,
    groups.segment_id,
    measured_accounts.platform,
    measured_accounts.account_id,
    groups.by_whom,
    CAST(coalesce(sum(signed_totals.sign * signed_totals.engaged_people), 0) AS DOUBLE) AS engaged_people,
    CAST(coalesce(sum(signed_totals.sign * signed_totals.n_applause), 0) AS DOUBLE) AS n_applause,
    CAST(coalesce(sum(signed_totals.sign * signed_totals.n_conversation), 0) AS DOUBLE) AS n_conversation,
    CAST(coalesce(sum(signed_totals.sign * signed_totals.n_amplification), 0) AS DOUBLE) AS n_amplification,
    CAST(coalesce(sum(signed_totals.sign * signed_totals.n_mentions), 0) AS DOUBLE) AS n_mentions,
    CAST(coalesce(sum(signed_totals.sign * signed_totals.n_worded), 0) AS DOUBLE) AS n_worded,
    CAST(coalesce(sum(signed_totals.sign * signed_totals.n_texts), 0) AS DOUBLE) AS n_texts,
    CAST(coalesce(sum(signed_totals.sign * signed_totals.n_judged), 0) AS DOUBLE) AS n_judged,
    CAST(coalesce(sum(signed_totals.sign * signed_totals.n_hostile), 0) AS DOUBLE) AS n_hostile,
    CAST(coalesce(sum(signed_totals.sign * signed_totals.n_substantive), 0) AS DOUBLE) AS n_substantive,
    CAST(coalesce(sum(signed_totals.sign * signed_totals.n_likely_automated), 0) AS DOUBLE) AS n_likely_automated,
    CAST(coalesce(sum(signed_totals.sign * signed_totals.judged_squares), 0) AS DOUBLE) AS judged_squares,
    CAST(coalesce(sum(signed_totals.sign * signed_totals.judged_hostile_products), 0) AS DOUBLE)
        AS judged_hostile_products,
    CAST(coalesce(sum(signed_totals.sign * signed_totals.hostile_squares), 0) AS DOUBLE) AS hostile_squares
FROM measured_accounts
CROSS JOIN groups
LEFT JOIN signed_totals
    ON
        groups.segment_id = signed_totals.segment_id
        AND groups.by_whom = signed_totals.by_whom
        AND measured_accounts.platform = signed_totals.platform
        AND measured_accounts.account_id = signed_totals.account_id
GROUP BY groups.segment_id, measured_accounts.platform, measured_accounts.account_id, groups.by_whom
