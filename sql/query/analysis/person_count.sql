-- One row per kind of person: how many present members are of it.
SELECT
    platform,
    in_segment,
    follows_enough,
    follows_one_short,
    says_used,
    has_bio,
    n_accounts,
    n_words,
    count(*) AS n_people
FROM temp.suggest_person
GROUP BY platform, in_segment, follows_enough, follows_one_short, says_used, has_bio, n_accounts, n_words
