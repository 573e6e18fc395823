-- One row per platform, community and district: people there on the last day, and people who left within the window.
SELECT
    platform,
    community,
    district,
    count(*) FILTER (WHERE left_on IS NULL) AS present_people,
    count(*) FILTER (WHERE left_on IS NOT NULL) AS left_people
FROM member
GROUP BY platform, community, district
ORDER BY ALL
