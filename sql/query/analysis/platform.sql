-- One row per platform with a seed account.
SELECT DISTINCT platform
FROM core.account
WHERE role = 'seed'
