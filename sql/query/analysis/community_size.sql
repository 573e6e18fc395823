-- One row per community: its people, and everybody on the platform who follows any of the accounts, each once.
WITH everybody AS (
    SELECT count(DISTINCT member_key) AS n_everybody FROM temp.suggest_follow
)

SELECT
    community_member.community_number,
    count(*) AS n_people,
    max(everybody.n_everybody) AS n_everybody
FROM temp.suggest_community_member AS community_member
CROSS JOIN everybody
GROUP BY community_member.community_number
