-- One row per platform and folk: a community, for residents one of its districts, on one platform.
-- Shares, leaving and arriving are the planted story; nothing else decides it.

-- local_share: how many of the folk live in the county; the rest are visitors from elsewhere.
-- general_taste: how much of the county-wide seeds' appeal holds for them.
-- p_roads: how many follow the roads policing unit.
-- leaves_*, joins_other: how many go from, and come to, the platform within 13 weeks.
CREATE TABLE folk (
    folk VARCHAR, community VARCHAR, district VARCHAR, local_share DOUBLE, general_taste DOUBLE, p_roads DOUBLE,
    leaves_x DOUBLE, leaves_other DOUBLE, joins_other DOUBLE
);

INSERT INTO folk VALUES
    ('motorcyclist', 'motorcyclist', NULL, 0.22, 0.85, 0.07, 0.02, 0.02, 0.05),
    ('cyclist', 'cyclist', NULL, 0.60, 1.00, 0.06, 0.06, 0.02, 0.06),
    ('farmer', 'farmer', NULL, 0.94, 0.95, 0.04, 0.04, 0.02, 0.05),
    ('football supporter', 'football supporter', NULL, 0.75, 0.95, 0.04, 0.07, 0.02, 0.05),
    ('student', 'student', NULL, 0.70, 0.90, 0.02, 0.12, 0.02, 0.08),
    ('resident aldermouth', 'resident', 'Aldermouth', 1, 1.00, 0.07, 0.50, 0.02, 0.20),
    ('resident brackenholt', 'resident', 'Brackenholt', 1, 1.00, 0.07, 0.50, 0.02, 0.20),
    ('resident kelderby', 'resident', 'Kelderby', 1, 1.00, 0.07, 0.50, 0.02, 0.20),
    ('resident stavemoor', 'resident', 'Stavemoor', 1, 1.00, 0.07, 0.50, 0.02, 0.20),
    ('general public', NULL, NULL, 0.35, 0.95, 0.04, 0.09, 0.03, 0.08);

CREATE TABLE folk_percent (folk VARCHAR, x INTEGER, bluesky INTEGER, mastodon INTEGER);

INSERT INTO folk_percent VALUES
    ('motorcyclist', 14, 6, 4),
    ('cyclist', 8, 14, 17),
    ('farmer', 7, 7, 3),
    ('football supporter', 11, 6, 3),
    ('student', 7, 12, 12),
    ('resident aldermouth', 10, 8, 6),
    ('resident brackenholt', 7, 5, 4),
    ('resident kelderby', 6, 4, 3),
    ('resident stavemoor', 5, 3, 3),
    ('general public', 25, 35, 45);

CREATE TABLE crowd AS
WITH platform_folk AS (
    UNPIVOT folk_percent ON x, bluesky, mastodon INTO NAME platform VALUE percent
)

SELECT
    row_number() OVER (ORDER BY platform_folk.platform, folk.folk)::INTEGER AS crowd_no,
    platform_folk.platform,
    folk.folk,
    folk.community,
    folk.district,
    folk.local_share,
    folk.general_taste,
    platform_folk.percent,
    if(platform_folk.platform = 'x', folk.p_roads, 0) AS p_roads,
    getvariable('story') * if(platform_folk.platform = 'x', folk.leaves_x, folk.leaves_other) AS leaves,
    getvariable('story') * if(platform_folk.platform = 'x', 0.01, folk.joins_other) AS joins
FROM platform_folk
INNER JOIN folk ON platform_folk.folk = folk.folk
ORDER BY crowd_no;

-- One row per platform and percent point, for drawing a member's crowd with an equality join.
CREATE TABLE crowd_point AS
SELECT
    platform,
    crowd_no,
    (row_number() OVER (PARTITION BY platform ORDER BY crowd_no, point) - 1)::INTEGER AS percent_point
FROM crowd, LATERAL (SELECT unnest(range(percent)) AS point) AS points
ORDER BY platform, percent_point;

-- One row per crowd and account of its platform: the chance that one of the crowd follows it.
-- anchor_from to anchor_to: the account's slice of 0..1 by which each member gets one follow for certain.
-- is_roads_companion: whoever follows the roads policing unit follows this account too,
-- so nobody is reached by the unit alone.
CREATE TABLE affinity AS
WITH chance_of_follow AS (
    SELECT
        crowd.crowd_no,
        account.account_no,
        account.role = 'own' AS is_own,
        account.topic IS NOT DISTINCT FROM 'roads' AS is_roads,
        crowd.platform = 'x' AND account.topic IS NOT DISTINCT FROM
            if(crowd.folk = 'motorcyclist', 'bikers', 'main') AS is_roads_companion,
        coalesce(named.acts_per_week, everybody.acts_per_week, 0) AS acts_per_week,
        CASE
            WHEN account.role = 'own' THEN coalesce(named.p_follow, everybody.p_follow)
            WHEN account.audience = 'everyone' THEN seed_appeal.p_in * crowd.general_taste
            WHEN account.audience = crowd.folk THEN seed_appeal.p_in
            ELSE seed_appeal.p_out
        END AS p_follow
    FROM crowd
    INNER JOIN account ON crowd.platform = account.platform
    LEFT JOIN own_appeal AS named
        ON account.platform = named.platform AND account.handle = named.handle AND crowd.folk = named.folk
    LEFT JOIN own_appeal AS everybody
        ON account.platform = everybody.platform AND account.handle = everybody.handle AND everybody.folk = '*'
    LEFT JOIN seed_appeal
        ON account.platform = seed_appeal.platform AND account.handle = seed_appeal.handle
)

SELECT
    *,
    coalesce(sum(p_follow) OVER before_it, 0) / sum(p_follow) OVER whole_crowd AS anchor_from,
    (coalesce(sum(p_follow) OVER before_it, 0) + p_follow) / sum(p_follow) OVER whole_crowd AS anchor_to
FROM chance_of_follow
WINDOW
    before_it AS (PARTITION BY crowd_no ORDER BY account_no ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING),
    whole_crowd AS (PARTITION BY crowd_no)
ORDER BY crowd_no, account_no;
