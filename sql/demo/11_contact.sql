-- One row per day, channel, kind of contact and, for social media, account.
-- Over 13 weeks X loses most of its contacts and the online form gains about as many.
-- The traffic is the county's, whatever the number of people.

CREATE TABLE contact_level (
    channel VARCHAR, platform VARCHAR, handle VARCHAR,
    report DOUBLE, intelligence DOUBLE, enquiry DOUBLE, incident DOUBLE, change DOUBLE
);

INSERT INTO contact_level VALUES
    ('x', 'x', 'ThornmerePolice', 14, 5, 46, 3, -0.60),
    ('x', 'x', 'TMP_Bikers', 3, 4, 9, 0.4, 0.05),
    ('facebook', 'facebook', 'ThornmerePolice', 18, 7, 58, 4, -0.10),
    ('online_form', NULL, NULL, 96, 22, 71, 12, 0.20),
    ('web_chat', NULL, NULL, 12, 2, 64, 5, 0.10),
    ('phone_101', NULL, NULL, 210, 31, 388, 122, -0.02),
    ('none recorded', NULL, NULL, 9, 6, 14, 2, 0);

CREATE TABLE contact AS
WITH by_kind AS (
    UNPIVOT contact_level ON report, intelligence, enquiry, incident INTO NAME kind VALUE per_day
),

day AS (
    SELECT
        drop_on,
        days.day::DATE AS day,
        -- 0 at the start of the 13 weeks, 1 at their end
        greatest(0, 1 - date_diff('day', days.day::DATE, getvariable('until')) / 90) AS progress
    FROM week_drop
    CROSS JOIN LATERAL (
        SELECT unnest(range(events_from::TIMESTAMP, drop_on + INTERVAL 1 DAY, INTERVAL 1 DAY)) AS day
    ) AS days
)

SELECT
    day.drop_on,
    day.day,
    by_kind.channel,
    by_kind.kind,
    round(
        by_kind.per_day * (1 + by_kind.change * day.progress)
        * if(isodow(day.day) >= 6, 0.7, 1.1)
        * (0.85 + 0.3 * chance(
            hash(hash(getvariable('seed')::BIGINT, day.day, by_kind.channel, coalesce(by_kind.handle, ''))),
            by_kind.kind
        ))
    )::INTEGER AS n,
    by_kind.platform,
    account.account_id
FROM by_kind
CROSS JOIN day
LEFT JOIN account ON by_kind.platform = account.platform AND by_kind.handle = account.handle
ORDER BY day.day, by_kind.channel, by_kind.handle, by_kind.kind;
