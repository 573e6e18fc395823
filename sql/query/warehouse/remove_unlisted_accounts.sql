-- One row per account and kind of list that account.csv does not name: its id may be that of a person.
DELETE FROM meta.completeness
WHERE NOT EXISTS (
    SELECT 1
    FROM ref.account
    WHERE account.platform = completeness.platform AND account.account_id = completeness.account_id
)
