-- One row per community and word that its people say: how many of them do.
SELECT
    community_member.community_number,
    said.word,
    count(*) AS n_people
FROM temp.suggest_community_member AS community_member
INNER JOIN temp.suggest_word AS said ON community_member.member_key = said.member_key
GROUP BY community_member.community_number, said.word
