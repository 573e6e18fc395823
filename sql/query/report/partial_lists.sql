-- One row per account and kind of list that is partial.
SELECT
    partial_list.platform,
    partial_list.account_id,
    coalesce(account.name, partial_list.account_id) AS name,
    partial_list.list_kind,
    partial_list.snapshot_on,
    partial_list.n_collected,
    partial_list.n_reported,
    partial_list.completeness_reason
FROM meta.partial_list
LEFT JOIN core.account
    ON partial_list.platform = account.platform AND partial_list.account_id = account.account_id
ORDER BY name, partial_list.platform, partial_list.account_id, list_kind
