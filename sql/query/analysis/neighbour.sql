-- One row per account and each of its nearest accounts, by the cosine of their sets of followers beyond chance.
-- Chance: the cosine that two accounts of their sizes have if nobody who follows one thinks of the other. It is near
-- nothing for most, and nearly all there is between accounts that everybody follows: those say nothing about anybody.
-- Members who follow very many of the accounts are left out: they say nothing about what goes together, and their
-- pairs would cost more than everybody else's. No link rests on a single person.
WITH telling_members AS (
    SELECT member_key
    FROM temp.suggest_follow
    GROUP BY member_key
    HAVING count(*) <= getvariable('suggest_most_followed')
),

telling_follows AS (
    SELECT follow.account_number, follow.member_key
    FROM temp.suggest_follow AS follow
    INNER JOIN telling_members ON follow.member_key = telling_members.member_key
),

everybody AS (
    SELECT CAST(count(DISTINCT member_key) AS DOUBLE) AS n_everybody FROM telling_follows
),

sizes AS (
    SELECT account_number, count(*) AS n_followers
    FROM telling_follows
    GROUP BY account_number
),

pairs AS (
    SELECT
        one.account_number,
        other.account_number AS neighbour_number,
        count(*) AS n_shared
    FROM telling_follows AS one
    INNER JOIN telling_follows AS other
        ON one.member_key = other.member_key AND one.account_number < other.account_number
    GROUP BY one.account_number, other.account_number
    HAVING count(*) >= getvariable('suggest_least_shared')
),

cosines AS (
    SELECT
        pairs.account_number,
        pairs.neighbour_number,
        pairs.n_shared / sqrt(CAST(one.n_followers * other.n_followers AS DOUBLE)) AS cosine,
        sqrt(CAST(one.n_followers * other.n_followers AS DOUBLE)) / everybody.n_everybody AS chance_cosine
    FROM pairs
    CROSS JOIN everybody
    INNER JOIN sizes AS one ON pairs.account_number = one.account_number
    INNER JOIN sizes AS other ON pairs.neighbour_number = other.account_number
),

near_pairs AS (
    SELECT account_number, neighbour_number, cosine - chance_cosine AS cosine
    FROM cosines
    WHERE cosine - chance_cosine >= getvariable('suggest_least_cosine')
),

both_ways AS (
    SELECT account_number, neighbour_number, cosine FROM near_pairs
    UNION ALL
    SELECT neighbour_number AS account_number, account_number AS neighbour_number, cosine FROM near_pairs
),

ranked AS (
    SELECT
        account_number,
        neighbour_number,
        cosine,
        row_number() OVER (PARTITION BY account_number ORDER BY cosine DESC, neighbour_number ASC) AS nearness
    FROM both_ways
)

SELECT account_number, neighbour_number, cosine
FROM ranked
WHERE nearness <= getvariable('suggest_neighbours')
