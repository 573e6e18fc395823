-- One row per post of an own account, before anybody has acted on it.
-- The main account on X fills every slot, so each day of the window has a post of it.

CREATE TABLE planned_post AS
WITH slot AS (
    SELECT
        account.account_no,
        account.platform,
        account.account_id,
        account.topic,
        days.day::DATE AS day,
        week_drop.drop_on,
        slots.slot_no,
        hash(hash(getvariable('seed')::BIGINT, account.account_id, days.day::DATE, slots.slot_no)) AS draw_key
    FROM account
    CROSS JOIN week_drop
    CROSS JOIN LATERAL (
        SELECT unnest(range(
            week_drop.events_from::TIMESTAMP, week_drop.drop_on + INTERVAL 1 DAY, INTERVAL 1 DAY
        )) AS day
    ) AS days
    CROSS JOIN range(3) AS slots (slot_no)
    WHERE
        account.topic IS NOT NULL
        AND (
            chance(hash(hash(getvariable('seed')::BIGINT, account.account_id, days.day::DATE, slots.slot_no)), 'posts')
            < account.posts_per_day / 3
            -- The roads policing unit posts rarely, yet once in every drop.
            OR (account.topic = 'roads' AND days.day::DATE = week_drop.drop_on AND slots.slot_no = 0)
        )
),

text_pool AS (
    SELECT
        topic,
        count(*)::INTEGER AS n_texts
    FROM post_text
    GROUP BY topic
),

timed AS (
    SELECT
        slot.*,
        slot.day + INTERVAL 6 HOUR + to_seconds(slot.slot_no * 18000 + pick(slot.draw_key, 'time', 17000)) AS posted_at
    FROM slot
)

SELECT
    row_number() OVER (ORDER BY timed.posted_at, timed.account_no, timed.slot_no)::INTEGER AS post_no,
    (row_number() OVER (PARTITION BY timed.account_no, timed.drop_on ORDER BY timed.posted_at) - 1)::INTEGER
        AS post_in_week,
    timed.account_no,
    timed.platform,
    timed.account_id,
    timed.topic,
    timed.day,
    timed.drop_on,
    timed.draw_key,
    timed.posted_at,
    CASE timed.platform
        WHEN 'x'
            THEN (((epoch_ms(timed.posted_at) - 1288834974657) << 22) + pick(timed.draw_key, 'id', 4194304))::VARCHAR
        WHEN 'mastodon' THEN ((epoch_ms(timed.posted_at) << 16) + pick(timed.draw_key, 'id', 65536))::VARCHAR
        WHEN 'bluesky' THEN 'at://' || timed.account_id || '/app.bsky.feed.post/3l'
            || translate(substr(md5(timed.draw_key::VARCHAR), 1, 11), '0189', 'wxyz')
        ELSE timed.account_id || '_' || (500000000000000 + epoch_ms(timed.posted_at))::VARCHAR
    END AS post_id,
    CASE
        WHEN chance(timed.draw_key, 'kind') < 0.82 OR timed.platform = 'facebook' THEN 'post'
        WHEN chance(timed.draw_key, 'kind') < 0.92 THEN 'reply'
        WHEN chance(timed.draw_key, 'kind') < 0.97 THEN 'quote'
        ELSE 'repost'
    END AS kind,
    post_text.text,
    post_text.tags
FROM timed
INNER JOIN text_pool ON timed.topic = text_pool.topic
INNER JOIN post_text
    ON timed.topic = post_text.topic AND pick(timed.draw_key, 'text', text_pool.n_texts) = post_text.text_no
ORDER BY post_no;

-- One row per own account and drop in which it posted.
CREATE TABLE week_of_posts AS
SELECT
    account_no,
    platform,
    topic,
    drop_on,
    count(*)::INTEGER AS n_posts
FROM planned_post
GROUP BY ALL
ORDER BY account_no, drop_on;
