-- One row per partial list of the published night.
SELECT
    list_kind,
    coalesce(account.name, account_id) AS name,
    platform,
    n_collected,
    n_reported,
    snapshot_on,
    completeness_reason
FROM meta.partial_list
LEFT JOIN core.account USING (platform, account_id)
ORDER BY platform, account_id, list_kind
