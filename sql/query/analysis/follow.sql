-- One row per account with enough followers and present member who follows it today.
-- Temporary, for the minutes of one run: accounts go by a number, the way they sort.
SELECT DISTINCT
    account.account_number,
    follow.member_key
FROM core.follow
INNER JOIN temp.suggest_account AS account
    ON follow.platform = account.platform AND follow.account_id = account.account_id
INNER JOIN core.member ON follow.platform = member.platform AND follow.member_key = member.member_key
WHERE follow.ended_on IS NULL AND member.is_present
