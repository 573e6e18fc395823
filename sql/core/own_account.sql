-- One row per account of ours, open or closed.
-- A closed account reaches nobody today; its history still shows whom it reached.
SELECT platform, account_id, handle, name, purpose, opened_on, closed_on, is_open
FROM core.account
WHERE role = 'own'
