-- One row per action or verdict that changed since the last night, and per delivery far smaller or larger than before.
SELECT
    night_change.change_of,
    night_change.segment_id,
    night_change.platform,
    concat_ws(
        ', ',
        coalesce(account.name, account.handle, night_change.account_id) || ' (' || night_change.platform || ')',
        coalesce(segment.title, night_change.segment_id),
        replace(night_change.kind, '_', ' ') || ' rows of ' || night_change.source
    ) AS what,
    coalesce(night_change.changed_from, CAST(night_change.n_rows_before AS VARCHAR), 'nothing') AS changed_from,
    coalesce(night_change.changed_to, CAST(night_change.n_rows AS VARCHAR), 'nothing') AS changed_to,
    night_change.change_reason
FROM meta.night_change
LEFT JOIN core.account ON night_change.platform = account.platform AND night_change.account_id = account.account_id
LEFT JOIN ref.segment ON night_change.segment_id = segment.segment_id
WHERE night_change.change_reason IS NOT NULL
ORDER BY night_change.change_of ASC, coalesce(account.role = 'own', TRUE) DESC, what ASC
