-- One row per account and kind of data that is late or missing.
SELECT
    coalesce(own_account.name, own_account.handle, own_account.account_id) AS name,
    freshness.platform,
    freshness.kind,
    freshness.freshness_status,
    freshness.freshness_reason
FROM meta.freshness
INNER JOIN core.own_account
    ON freshness.platform = own_account.platform AND freshness.account_id = own_account.account_id
WHERE freshness.freshness_status IN ('late', 'missing')
ORDER BY freshness.platform, freshness.kind, name
