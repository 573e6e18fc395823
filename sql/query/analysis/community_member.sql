-- One row per community and member of it: two of its accounts followed, and a fair part of their attention.
-- An account counts 1 / sqrt(followers), in whole millionths so that no order of adding changes a sum: one that
-- everybody follows says little. Two proofs: SimClusters' rule. A member may be in several communities, or in none.
WITH attention AS (
    SELECT
        follow.member_key,
        account.community_number,
        count(*) AS n_proofs,
        sum(account.weight_millionths) AS weight_millionths
    FROM temp.suggest_follow AS follow
    INNER JOIN temp.suggest_account AS account ON follow.account_number = account.account_number
    GROUP BY follow.member_key, account.community_number
),

attention_shares AS (
    SELECT
        community_number,
        member_key,
        n_proofs,
        weight_millionths / sum(weight_millionths) OVER (PARTITION BY member_key) AS attention_share
    FROM attention
)

SELECT community_number, member_key
FROM attention_shares
WHERE
    community_number >= 0
    AND n_proofs >= getvariable('suggest_proofs')
    AND attention_share >= getvariable('suggest_least_share')
