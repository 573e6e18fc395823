-- One row per account and kind of list that account.csv does not name: another id may be a person's, and is not published.
DELETE FROM meta.completeness
WHERE NOT EXISTS (
    SELECT 1
    FROM ref.account
    WHERE account.platform = completeness.platform AND account.account_id = completeness.account_id
)
