-- One row per account and day: followers, for accounts on X from the planted lists, for Facebook pages as totals.

CREATE TABLE follower_day AS
WITH stay AS (
    SELECT
        account_no,
        starts_on,
        left_on,
        count(*) AS n_followers
    FROM follow
    WHERE is_own AND platform = 'x'
    GROUP BY account_no, starts_on, left_on
),

day AS (
    SELECT DISTINCT
        drop_on,
        days.day::DATE AS day
    FROM week_drop
    CROSS JOIN LATERAL (
        SELECT unnest(range(events_from::TIMESTAMP, drop_on + INTERVAL 1 DAY, INTERVAL 1 DAY)) AS day
    ) AS days
)

SELECT
    stay.account_no,
    day.drop_on,
    day.day,
    sum(stay.n_followers) FILTER (
        WHERE (stay.starts_on IS NULL OR stay.starts_on <= day.day) AND (stay.left_on IS NULL OR stay.left_on > day.day)
    )::BIGINT AS followers
FROM stay
CROSS JOIN day
GROUP BY stay.account_no, day.drop_on, day.day
UNION ALL
SELECT
    account.account_no,
    day.drop_on,
    day.day,
    -- Pages grow by some 4 % a year; the people behind the figure are never seen.
    floor(
        platform_people.people * if(account.topic = 'main', 0.72, 0.24)
        * (1 - 0.00011 * date_diff('day', day.day, getvariable('until')))
    )::BIGINT AS followers
FROM account
CROSS JOIN day
INNER JOIN platform_people ON account.platform = platform_people.platform
WHERE account.role = 'own' AND account.platform = 'facebook'
ORDER BY ALL;
