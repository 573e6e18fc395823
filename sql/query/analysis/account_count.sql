-- One row per community and account that its people follow: how many of them do.
SELECT
    community_member.community_number,
    follow.account_number,
    count(*) AS n_people
FROM temp.suggest_community_member AS community_member
INNER JOIN temp.suggest_follow AS follow ON community_member.member_key = follow.member_key
GROUP BY community_member.community_number, follow.account_number
