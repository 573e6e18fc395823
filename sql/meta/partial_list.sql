-- One row per account and kind of list that is partial, by the newest day on which a delivery reports the list.
-- A list that another delivery of that day has complete is not partial; of several partial lists the largest is shown.
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
    numbered_lists.completeness_reason
FROM numbered_lists
INNER JOIN scopes
    ON
        numbered_lists.platform = scopes.platform
        AND numbered_lists.account_id = scopes.account_id
        AND numbered_lists.list_kind = scopes.list_kind
WHERE numbered_lists.fullest = 1 AND scopes.is_partial AND NOT scopes.is_complete
