-- One row per account and day on which its follower list was read.
-- Two deliveries of one day make one list: complete if either is. An empty list has no rows: it is here because
-- whoever read it to its end, and the platform's own count, say that it is empty.
WITH listed AS (
    SELECT platform, account_id, observed_on, follower_scope, member_key FROM stg.follower
    UNION ALL
    SELECT platform, account_id, observed_on, 'complete' AS follower_scope, NULL AS member_key FROM stg.empty_list
),

lists_tonight AS (
    SELECT
        platform,
        account_id,
        observed_on,
        bool_or(follower_scope = 'complete') AS is_complete,
        count(DISTINCT member_key) AS list_people
    FROM listed
    GROUP BY platform, account_id, observed_on
),

lists AS (
    SELECT platform, account_id, observed_on, is_complete, list_people FROM prior.follower_list
    UNION ALL
    SELECT platform, account_id, observed_on, is_complete, list_people FROM lists_tonight
)

SELECT
    platform,
    account_id,
    observed_on,
    is_complete,
    list_people,
    CASE
        WHEN is_complete
            THEN
                lag(list_people) OVER (PARTITION BY platform, account_id, is_complete ORDER BY observed_on)
    END AS list_people_before
FROM lists
