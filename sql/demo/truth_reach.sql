-- One row per own account and community: people on its list on the last day, and those on no other own list.
-- A member's own accounts are collapsed to a set first, one bit for each; people sharing a set are counted once.
WITH reached AS (
    SELECT
        follow_on_drop.platform,
        follow_on_drop.member_id,
        follow_on_drop.community,
        bit_or(1::BIGINT << account.own_no) AS account_set
    FROM follow_on_drop
    INNER JOIN account ON follow_on_drop.account_no = account.account_no
    WHERE follow_on_drop.is_own
    GROUP BY follow_on_drop.platform, follow_on_drop.member_id, follow_on_drop.community
),

signature AS (
    SELECT
        platform,
        community,
        account_set,
        count(*) AS people
    FROM reached
    GROUP BY platform, community, account_set
)

SELECT
    signature.platform,
    account.account_id,
    account.handle,
    signature.community,
    sum(signature.people)::BIGINT AS reach_people,
    coalesce(sum(signature.people) FILTER (WHERE bit_count(signature.account_set) = 1), 0)::BIGINT AS exclusive_people
FROM signature
INNER JOIN account
    ON signature.platform = account.platform AND (signature.account_set >> account.own_no) & 1 = 1
GROUP BY ALL
ORDER BY ALL
