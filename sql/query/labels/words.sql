-- One row per drawn member: what a labeller reads about them.
WITH followed AS (
    SELECT
        follow.member_key,
        string_agg(coalesce(account.name, account.handle, account.account_id), '; ' ORDER BY account.account_id)
            AS follows
    FROM core.follow
    INNER JOIN core.account ON follow.platform = account.platform AND follow.account_id = account.account_id
    INNER JOIN drawn ON follow.member_key = drawn.member_key
    WHERE follow.ended_on IS NULL AND account.role <> 'own'
    GROUP BY follow.member_key
)

SELECT drawn.member_key, member.platform, member.name, member.bio, member.location, followed.follows
FROM drawn
INNER JOIN prior.member ON drawn.member_key = member.member_key
LEFT JOIN followed ON drawn.member_key = followed.member_key
