-- One row per seed account that the segment's rules do not use and kind of person: its followers of that kind.
-- Accounts with too few followers in the segment to say anything are left out.
WITH followers AS (
    SELECT DISTINCT follow.platform, follow.account_id, follow.member_key
    FROM core.follow
    INNER JOIN core.account ON follow.platform = account.platform AND follow.account_id = account.account_id
    LEFT JOIN temp.suggest_used_account AS used_account
        ON follow.platform = used_account.platform AND follow.account_id = used_account.account_id
    WHERE
        follow.ended_on IS NULL
        AND account.role = 'seed'
        AND account.is_open
        AND used_account.account_id IS NULL
),

kinds AS (
    SELECT
        followers.platform,
        followers.account_id,
        person.in_segment,
        person.follows_enough,
        person.follows_one_short,
        person.says_used,
        person.n_accounts,
        count(*) AS n_people
    FROM followers
    INNER JOIN temp.suggest_person AS person
        ON followers.platform = person.platform AND followers.member_key = person.member_key
    GROUP BY
        followers.platform,
        followers.account_id,
        person.in_segment,
        person.follows_enough,
        person.follows_one_short,
        person.says_used,
        person.n_accounts
),

telling_accounts AS (
    SELECT platform, account_id
    FROM kinds
    WHERE in_segment
    GROUP BY platform, account_id
    HAVING sum(n_people) >= getvariable('suggest_least_people')
)

SELECT
    kinds.platform || ':' || kinds.account_id AS candidate,
    coalesce(account.name, account.handle, account.account_id) AS name,
    kinds.platform,
    kinds.in_segment,
    kinds.follows_enough AS has_same,
    kinds.says_used AS has_other,
    kinds.follows_one_short AS would_count,
    kinds.n_accounts AS activity,
    kinds.n_people
FROM kinds
INNER JOIN telling_accounts
    ON kinds.platform = telling_accounts.platform AND kinds.account_id = telling_accounts.account_id
INNER JOIN core.account ON kinds.platform = account.platform AND kinds.account_id = account.account_id
