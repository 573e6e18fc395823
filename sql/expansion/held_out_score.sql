-- One row per run of folds 1 to 5 and sampled member of that fold, seed or not: scored by what the others taught.
-- Seeds and others are left out of the fit alike: were only the seeds, the others would know their own answers.
WITH held_out_members AS (
    SELECT run.run_no, run.channel, seed.member_key, seed.n_accounts, 1 AS of_seeds
    FROM expansion.run
    INNER JOIN expansion.seed
        ON
            run.segment_id = seed.segment_id
            AND run.platform = seed.platform
            AND run.channel = seed.channel
            AND run.fold = seed.fold
    WHERE seed.is_sampled
    UNION ALL
    SELECT run.run_no, run.channel, member.member_key, member.n_accounts, 0 AS of_seeds
    FROM expansion.run
    INNER JOIN expansion.member
        ON run.platform = member.platform AND run.channel = member.channel AND run.fold = member.fold
    LEFT JOIN expansion.seed
        ON
            run.segment_id = seed.segment_id
            AND run.channel = seed.channel
            AND member.member_key = seed.member_key
    WHERE member.is_sampled AND seed.member_key IS NULL
),

-- An account that nobody in the fit follows says nothing.
weighed_members AS (
    SELECT
        held_out.run_no,
        held_out.member_key,
        held_out.n_accounts,
        held_out.of_seeds,
        sum(coalesce(round(weight.log_odds_z * 1e10), 0)) AS z_units
    FROM expansion.edge
    INNER JOIN held_out_members AS held_out
        ON edge.channel = held_out.channel AND edge.member_key = held_out.member_key
    LEFT JOIN expansion.account_weight AS weight
        ON held_out.run_no = weight.run_no AND edge.account_no = weight.account_no
    GROUP BY held_out.run_no, held_out.member_key, held_out.n_accounts, held_out.of_seeds
)

SELECT
    run_no,
    member_key,
    of_seeds = 1 AS is_seed,
    z_units / 1e10 / sqrt(n_accounts + 3) AS expansion_score
FROM weighed_members
