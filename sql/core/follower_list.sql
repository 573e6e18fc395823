-- One row per account and day on which its follower list was read.
-- Two deliveries of one day make one list: complete if either is. An empty list has no rows: it stands here because
-- whoever read it to its end, and the platform's own count, say that it is empty.
-- A list that its sender calls complete and that lost more than the band, against the one before, is partial until
-- accepted_list.csv names it: such a list is more often cut off than an exodus, and would end every follow that it
-- leaves out. So are the three after it while they are as short; then a real fall is believed. Neither an accepted list
-- nor those after it are compared with lists before it.
WITH limits AS (
    SELECT
        max(CASE WHEN band = 'follower_list_loses_at_most' THEN value END) AS most_lost,
        max(CASE WHEN band = 'follower_list_shrink_matters_from' THEN value END) AS matters_from
    FROM ref.band
),

listed AS (
    SELECT platform, account_id, observed_on, follower_scope, member_key FROM stg.follower
    UNION ALL
    SELECT platform, account_id, observed_on, 'complete' AS follower_scope, NULL AS member_key FROM stg.empty_list
),

lists_tonight AS (
    SELECT
        platform,
        account_id,
        observed_on,
        bool_or(follower_scope = 'complete') AS is_declared_complete,
        count(DISTINCT member_key) AS list_people
    FROM listed
    GROUP BY platform, account_id, observed_on
),

lists AS (
    SELECT platform, account_id, observed_on, is_declared_complete, list_people FROM prior.follower_list
    UNION ALL
    SELECT platform, account_id, observed_on, is_declared_complete, list_people FROM lists_tonight
),

accepted_lists AS (
    SELECT
        lists.*,
        CASE WHEN accepted_list.reason IS NULL THEN 0 ELSE 1 END AS is_accepted
    FROM lists
    LEFT JOIN ref.accepted_list
        ON
            lists.platform = accepted_list.platform
            AND lists.account_id = accepted_list.account_id
            AND lists.observed_on = accepted_list.observed_on
),

numbered_lists AS (
    SELECT
        *,
        sum(is_accepted) OVER (PARTITION BY platform, account_id ORDER BY observed_on) AS n_accepted
    FROM accepted_lists
),

compared_lists AS (
    SELECT
        *,
        CASE
            WHEN is_declared_complete
                THEN
                    lag(list_people) OVER (
                        PARTITION BY platform, account_id, is_declared_complete, n_accepted ORDER BY observed_on
                    )
        END AS list_people_before
    FROM numbered_lists
),

-- How long a list was before it lost so many, on the day of the loss and in the three lists after it.
losses AS (
    SELECT
        compared_lists.*,
        limits.most_lost,
        max(
            CASE
                WHEN
                    compared_lists.list_people_before >= limits.matters_from
                    AND compared_lists.list_people < (1 - limits.most_lost) * compared_lists.list_people_before
                    THEN compared_lists.list_people_before
            END
        ) OVER (
            PARTITION BY platform, account_id, is_declared_complete, n_accepted
            ORDER BY observed_on
            ROWS BETWEEN 3 PRECEDING AND CURRENT ROW
        ) AS list_people_before_loss
    FROM compared_lists
    CROSS JOIN limits
)

SELECT
    platform,
    account_id,
    observed_on,
    is_declared_complete
    AND (list_people_before_loss IS NULL OR list_people >= (1 - most_lost) * list_people_before_loss) AS is_complete,
    list_people,
    list_people_before,
    is_declared_complete
FROM losses
