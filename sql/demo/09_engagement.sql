-- One row per member, post and kind of interaction in the days that the drop of `drop_on` holds.
-- Who engages with a post of the roads policing unit also likes one of the main account's in the same days,
-- so nobody is reached by the unit alone. Acts on a post fall in the drop the post is in.

CREATE OR REPLACE TABLE engagement AS
WITH week AS (
    SELECT
        drop_on,
        events_from,
        date_diff('day', events_from, drop_on) + 1 AS n_days,
        hash(hash(getvariable('seed')::BIGINT, drop_on)) AS week_key
    FROM week_drop
    WHERE drop_on = getvariable('drop_on')
),

-- A follower acts up to three times a week on one account.
follower_act AS (
    SELECT
        follow.draw_key,
        follow.member_id,
        follow.left_on,
        follow.joined_on,
        follow.account_no,
        try_no.try_no
    FROM follow
    CROSS JOIN week
    CROSS JOIN (VALUES (0, 0.60), (1, 0.25), (2, 0.15)) AS try_no (try_no, part)
    WHERE
        follow.is_own
        AND chance(hash(follow.draw_key, week.week_key), follow.account_no * 10 + try_no.try_no)
        < follow.acts_per_week * try_no.part * week.n_days / 7
),

own_account AS (
    SELECT
        account_no,
        platform,
        topic,
        (row_number() OVER (PARTITION BY platform ORDER BY account_no) - 1)::INTEGER AS own_no,
        (count(*) OVER (PARTITION BY platform))::INTEGER AS n_own
    FROM account
    WHERE role = 'own' AND platform != 'facebook'
),

-- A few members act on a post that somebody showed them, following or not.
passer_by AS (
    SELECT
        member.draw_key,
        member.member_id,
        member.left_on,
        member.joined_on,
        own_account.account_no,
        9 AS try_no
    FROM member
    CROSS JOIN week
    INNER JOIN own_account
        ON
            member.platform = own_account.platform
            AND pick(member.draw_key, 'passes', own_account.n_own) = own_account.own_no
    WHERE chance(hash(member.draw_key, week.week_key), 'passes by') < 0.004 * week.n_days / 7
),

act AS (
    SELECT * FROM follower_act
    UNION ALL
    SELECT * FROM passer_by
),

aimed AS (
    SELECT
        act.member_id,
        act.left_on,
        act.joined_on,
        hash(hash(act.draw_key, week.week_key, act.account_no, act.try_no)) AS act_key,
        week.drop_on,
        week_of_posts.account_no,
        week_of_posts.topic,
        week_of_posts.n_posts,
        false AS is_companion
    FROM act
    CROSS JOIN week
    INNER JOIN week_of_posts ON act.account_no = week_of_posts.account_no AND week.drop_on = week_of_posts.drop_on
    WHERE
        week_of_posts.topic != 'roads'
        -- Both acts of the pair must happen: only members who are there for all of the week.
        OR ((act.left_on IS NULL OR act.left_on > week.drop_on)
            AND (act.joined_on IS NULL OR act.joined_on <= week.events_from))
),

with_companion AS (
    SELECT * FROM aimed
    UNION ALL
    SELECT
        aimed.member_id,
        aimed.left_on,
        aimed.joined_on,
        hash(aimed.act_key) AS act_key,
        aimed.drop_on,
        main.account_no,
        main.topic,
        main.n_posts,
        true AS is_companion
    FROM aimed
    INNER JOIN week_of_posts AS main ON aimed.drop_on = main.drop_on AND main.platform = 'x' AND main.topic = 'main'
    WHERE aimed.topic = 'roads'
),

kind_of_act AS (
    SELECT
        with_companion.*,
        CASE
            WHEN is_companion OR chance(act_key, 'kind') < 0.60 THEN 'like'
            WHEN chance(act_key, 'kind') < 0.74 THEN 'repost'
            WHEN chance(act_key, 'kind') < 0.90 THEN 'reply'
            WHEN chance(act_key, 'kind') < 0.94 THEN 'quote'
            ELSE 'mention'
        END AS kind
    FROM with_companion
),

placed AS (
    SELECT
        planned_post.post_no,
        planned_post.post_id,
        planned_post.platform,
        planned_post.account_id,
        kind_of_act.member_id,
        kind_of_act.kind,
        kind_of_act.left_on,
        kind_of_act.joined_on,
        kind_of_act.topic,
        kind_of_act.act_key,
        least(
            planned_post.posted_at
            + to_seconds(20 + floor(-14000 * ln(1 - chance(kind_of_act.act_key, 'delay')))::BIGINT),
            kind_of_act.drop_on + INTERVAL 86100 SECOND + to_seconds(pick(kind_of_act.act_key, 'late', 230))
        ) AS engaged_at
    FROM kind_of_act
    INNER JOIN planned_post
        ON
            kind_of_act.account_no = planned_post.account_no
            AND kind_of_act.drop_on = planned_post.drop_on
            AND pick(kind_of_act.act_key, 'post', kind_of_act.n_posts) = planned_post.post_in_week
),

-- A member does each kind of thing to a post at most once.
first_of_kind AS (
    SELECT
        post_no,
        member_id,
        kind,
        any_value(post_id) AS post_id,
        any_value(platform) AS platform,
        any_value(account_id) AS account_id,
        any_value(topic) AS topic,
        min(engaged_at) AS engaged_at,
        min_by(act_key, (engaged_at, act_key)) AS act_key
    FROM placed
    WHERE
        (left_on IS NULL OR engaged_at::DATE < left_on)
        AND (joined_on IS NULL OR engaged_at::DATE >= joined_on)
    GROUP BY post_no, member_id, kind
),

toned AS (
    SELECT
        first_of_kind.*,
        CASE
            WHEN first_of_kind.kind NOT IN ('reply', 'quote', 'mention') THEN NULL
            WHEN chance(first_of_kind.act_key, 'tone') < tone_share.friendly_to THEN 'friendly'
            WHEN chance(first_of_kind.act_key, 'tone') < tone_share.question_to THEN 'question'
            ELSE 'hostile'
        END AS tone
    FROM first_of_kind
    INNER JOIN tone_share ON first_of_kind.topic = tone_share.topic
),

tone_pool AS (
    SELECT
        tone,
        count(*)::INTEGER AS n_texts
    FROM answer_text
    GROUP BY tone
)

SELECT
    toned.post_no,
    toned.platform,
    -- A mention happens in the member's own post.
    CASE
        WHEN toned.kind != 'mention' THEN toned.post_id
        WHEN toned.platform = 'bluesky' THEN 'at://' || toned.member_id || '/app.bsky.feed.post/3m'
            || translate(substr(md5(toned.act_key::VARCHAR), 1, 11), '0189', 'wxyz')
        WHEN toned.platform = 'mastodon'
            THEN ((epoch_ms(toned.engaged_at) << 16) + pick(toned.act_key, 'id', 65536))::VARCHAR
        ELSE (((epoch_ms(toned.engaged_at) - 1288834974657) << 22) + pick(toned.act_key, 'id', 4194304))::VARCHAR
    END AS post_id,
    toned.account_id,
    toned.member_id,
    toned.kind,
    toned.engaged_at,
    answer_text.text
FROM toned
LEFT JOIN tone_pool ON toned.tone = tone_pool.tone
LEFT JOIN answer_text
    ON toned.tone = answer_text.tone AND pick(toned.act_key, 'text', tone_pool.n_texts) = answer_text.text_no;
