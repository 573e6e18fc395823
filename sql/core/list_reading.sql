-- One row per account and day on which its follower list was read, and why the list is not used where it is not.
-- Two deliveries of one day make one list: complete if either is. Two complete lists of one day that share too few
-- people contradict each other: one was landed for the wrong day or account, and nobody knows which. A complete list
-- that repeats an older one person by person, while a shorter one was read in between, is an old file under a new day:
-- it would bring everybody back who has left. An empty list has no rows: it stands here because whoever read it to its
-- end, and the platform's own count, say that it is empty.
WITH limits AS (
    SELECT
        max(CASE WHEN band = 'follower_list_loses_at_most' THEN value END) AS most_lost,
        max(CASE WHEN band = 'follower_list_shrink_matters_from' THEN value END) AS matters_from,
        max(CASE WHEN band = 'repeated_list_longer_by_people' THEN value END) AS repeat_longer
    FROM ref.band
),

lists AS (
    SELECT
        delivery_id,
        platform,
        account_id,
        observed_on,
        follower_scope,
        count(*) AS list_people,
        bit_xor(member_key) AS list_hash
    FROM stg.follower
    GROUP BY delivery_id, platform, account_id, observed_on, follower_scope
    UNION ALL
    SELECT
        delivery_id,
        platform,
        account_id,
        observed_on,
        'complete' AS follower_scope,
        0 AS list_people,
        NULL AS list_hash
    FROM stg.empty_list
),

list_days AS (
    SELECT
        platform,
        account_id,
        observed_on,
        count(*) AS n_lists,
        bool_or(follower_scope = 'complete') AS is_declared_complete,
        sum(CASE WHEN follower_scope = 'complete' THEN 1 ELSE 0 END) AS n_complete,
        min(CASE WHEN follower_scope = 'complete' THEN list_people END) AS shortest_complete,
        max(list_people) AS list_people,
        max(list_hash) AS list_hash
    FROM lists
    GROUP BY platform, account_id, observed_on
),

-- Only where several lists make one day's do people stand in more than one of them.
joined_days AS (
    SELECT
        follower.platform,
        follower.account_id,
        follower.observed_on,
        count(DISTINCT follower.member_key) AS list_people,
        count(DISTINCT CASE WHEN follower.follower_scope = 'complete' THEN follower.member_key END) AS complete_people
    FROM stg.follower
    INNER JOIN list_days
        ON
            follower.platform = list_days.platform
            AND follower.account_id = list_days.account_id
            AND follower.observed_on = list_days.observed_on
    WHERE list_days.n_lists > 1
    GROUP BY follower.platform, follower.account_id, follower.observed_on
),

lists_tonight AS (
    SELECT
        list_days.platform,
        list_days.account_id,
        list_days.observed_on,
        list_days.is_declared_complete,
        CASE WHEN list_days.n_lists = 1 THEN list_days.list_people ELSE coalesce(joined_days.list_people, 0) END
            AS list_people,
        CASE WHEN list_days.n_lists = 1 AND list_days.is_declared_complete THEN list_days.list_hash END AS list_hash,
        coalesce(
            list_days.n_complete > 1
            AND joined_days.complete_people >= limits.matters_from
            AND joined_days.complete_people > (1 + limits.most_lost) * list_days.shortest_complete,
            FALSE
        ) AS is_contradicted
    FROM list_days
    CROSS JOIN limits
    LEFT JOIN joined_days
        ON
            list_days.platform = joined_days.platform
            AND list_days.account_id = joined_days.account_id
            AND list_days.observed_on = joined_days.observed_on
),

complete_lists AS (
    SELECT platform, account_id, observed_on, list_people, list_hash
    FROM prior.list_reading
    WHERE list_hash IS NOT NULL OR list_people = 0
    UNION ALL
    SELECT platform, account_id, observed_on, list_people, list_hash
    FROM lists_tonight
    WHERE list_hash IS NOT NULL OR list_people = 0
),

first_reads AS (
    SELECT platform, account_id, list_hash, min(observed_on) AS first_on
    FROM complete_lists
    GROUP BY platform, account_id, list_hash
),

repeats AS (
    SELECT lists_tonight.platform, lists_tonight.account_id, lists_tonight.observed_on, first_reads.first_on
    FROM lists_tonight
    INNER JOIN first_reads
        ON
            lists_tonight.platform = first_reads.platform
            AND lists_tonight.account_id = first_reads.account_id
            AND lists_tonight.list_hash = first_reads.list_hash
    CROSS JOIN limits
    INNER JOIN complete_lists AS between_list
        ON
            lists_tonight.platform = between_list.platform
            AND lists_tonight.account_id = between_list.account_id
            AND first_reads.first_on < between_list.observed_on
            AND lists_tonight.observed_on > between_list.observed_on
            AND lists_tonight.list_people >= between_list.list_people + limits.repeat_longer
    WHERE lists_tonight.list_people >= limits.matters_from
    GROUP BY lists_tonight.platform, lists_tonight.account_id, lists_tonight.observed_on, first_reads.first_on
)

SELECT
    lists_tonight.platform,
    lists_tonight.account_id,
    lists_tonight.observed_on,
    lists_tonight.is_declared_complete,
    lists_tonight.list_people,
    lists_tonight.list_hash,
    CASE
        WHEN accepted_list.reason IS NOT NULL THEN NULL
        WHEN lists_tonight.is_contradicted THEN 'another complete list of this day holds other people'
        WHEN repeats.first_on IS NOT NULL
            THEN
                'it repeats the list of ' || strftime(repeats.first_on, '%-d %B %Y')
                || ', although a shorter one was read since'
    END AS unused_reason
FROM lists_tonight
LEFT JOIN repeats
    ON
        lists_tonight.platform = repeats.platform
        AND lists_tonight.account_id = repeats.account_id
        AND lists_tonight.observed_on = repeats.observed_on
LEFT JOIN ref.accepted_list
    ON
        lists_tonight.platform = accepted_list.platform
        AND lists_tonight.account_id = accepted_list.account_id
        AND lists_tonight.observed_on = accepted_list.observed_on
UNION ALL
SELECT platform, account_id, observed_on, is_declared_complete, list_people, list_hash, unused_reason
FROM prior.list_reading
