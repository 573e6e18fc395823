-- One row per account and kind of list that is partial, by the newest day on which a delivery reports the list.
-- A list that another delivery of that day has complete is not partial; of several partial lists the largest is shown.
-- An account's newest follower list is also named here where it is declared complete and not believed or not used.
WITH numbered_lists AS (
    SELECT
        *,
        rank() OVER (PARTITION BY platform, account_id, list_kind ORDER BY snapshot_on DESC) AS newest,
        row_number() OVER (
            PARTITION BY platform, account_id, list_kind
            ORDER BY snapshot_on DESC, n_collected DESC, delivery_id DESC
        ) AS fullest
    FROM meta.completeness
),

newest_readings AS (
    SELECT platform, account_id, observed_on, unused_reason
    FROM (
        SELECT
            *,
            row_number() OVER (PARTITION BY platform, account_id ORDER BY observed_on DESC) AS newest
        FROM core.list_reading
    ) AS numbered_readings
    WHERE newest = 1
),

doubted_lists AS (
    SELECT
        newest_readings.platform,
        newest_readings.account_id,
        coalesce(
            newest_readings.unused_reason,
            'more than ' || CAST(round(100 * follower_list.list_loses_at_most) AS INTEGER)
            || ' in 100 people of an earlier list are absent'
        ) AS absence_reason
    FROM newest_readings
    LEFT JOIN core.follower_list
        ON
            newest_readings.platform = follower_list.platform
            AND newest_readings.account_id = follower_list.account_id
            AND newest_readings.observed_on = follower_list.observed_on
    WHERE
        newest_readings.unused_reason IS NOT NULL
        OR (follower_list.is_declared_complete AND NOT follower_list.is_complete)
),

scopes AS (
    SELECT
        platform,
        account_id,
        list_kind,
        bool_or(scope = 'complete') AS is_complete,
        bool_or(scope = 'partial') AS is_partial
    FROM numbered_lists
    WHERE newest = 1
    GROUP BY platform, account_id, list_kind
)

SELECT
    numbered_lists.platform,
    numbered_lists.account_id,
    numbered_lists.list_kind,
    numbered_lists.source,
    numbered_lists.snapshot_on,
    numbered_lists.n_lists,
    numbered_lists.n_reported,
    numbered_lists.n_collected,
    coalesce(doubted_lists.absence_reason, numbered_lists.completeness_reason) AS completeness_reason
FROM numbered_lists
INNER JOIN scopes
    ON
        numbered_lists.platform = scopes.platform
        AND numbered_lists.account_id = scopes.account_id
        AND numbered_lists.list_kind = scopes.list_kind
LEFT JOIN doubted_lists
    ON
        numbered_lists.platform = doubted_lists.platform
        AND numbered_lists.account_id = doubted_lists.account_id
        AND numbered_lists.list_kind = 'follower'
WHERE
    numbered_lists.fullest = 1
    AND ((scopes.is_partial AND NOT scopes.is_complete) OR doubted_lists.absence_reason IS NOT NULL)
