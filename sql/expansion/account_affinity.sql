-- One row per run and account: how much more its followers are seeds than followers everywhere, shrunk to the mean.
-- A seed who follows few accounts says more of each: 1 / sqrt(n_accounts). Three imagined average followers shrink.
-- Sums are of whole numbers (here trillionths), so that they come out the same in whatever order rows come.
WITH followers AS (
    SELECT account_no, count(*) AS n_followers FROM expansion.edge
    GROUP BY account_no
),

sampled_followers AS (
    SELECT edge.account_no, member.fold AS own_fold, count(*) AS n_followers
    FROM expansion.edge
    INNER JOIN expansion.member ON edge.channel = member.channel AND edge.member_key = member.member_key
    WHERE member.is_sampled
    GROUP BY edge.account_no, member.fold
),

seed_pulls AS (
    SELECT
        seed.segment_id,
        seed.channel,
        seed.member_key,
        seed.fold AS own_fold,
        CAST(round(1e12 / sqrt(seed.n_accounts)) AS BIGINT) AS pull,
        CASE WHEN seed.is_sampled THEN 1 ELSE 0 END AS is_sampled_seed,
        CASE WHEN member.is_sampled THEN 1 ELSE 0 END AS is_sampled_member
    FROM expansion.seed
    INNER JOIN expansion.member ON seed.channel = member.channel AND seed.member_key = member.member_key
),

seed_followers AS (
    SELECT
        seed_pulls.segment_id,
        edge.account_no,
        seed_pulls.own_fold,
        count(*) AS n_seeds,
        sum(seed_pulls.is_sampled_seed) AS n_sampled_seeds,
        sum(seed_pulls.is_sampled_member) AS n_seeds_among_sampled,
        sum(seed_pulls.pull) AS pull,
        sum(seed_pulls.pull * seed_pulls.is_sampled_seed) AS sampled_pull
    FROM expansion.edge
    INNER JOIN seed_pulls ON edge.channel = seed_pulls.channel AND edge.member_key = seed_pulls.member_key
    GROUP BY seed_pulls.segment_id, edge.account_no, seed_pulls.own_fold
),

run_accounts AS (
    SELECT run.run_no, run.segment_id, run.fold, account.account_no
    FROM expansion.run
    INNER JOIN expansion.account ON run.platform = account.platform AND run.channel = account.channel
),

-- A seed is counted among everybody, and taken out there again where it is counted as a seed.
follower_parts AS (
    SELECT run_accounts.run_no, run_accounts.account_no, 0 AS n_seeds, followers.n_followers AS n_others, 0 AS pull
    FROM run_accounts
    INNER JOIN followers ON run_accounts.account_no = followers.account_no
    WHERE run_accounts.fold = 0
    UNION ALL
    SELECT run_accounts.run_no, run_accounts.account_no, 0 AS n_seeds, sampled.n_followers AS n_others, 0 AS pull
    FROM run_accounts
    INNER JOIN sampled_followers AS sampled ON run_accounts.account_no = sampled.account_no
    WHERE run_accounts.fold <> 0 AND run_accounts.fold <> sampled.own_fold
    UNION ALL
    SELECT
        run_accounts.run_no,
        run_accounts.account_no,
        CASE WHEN run_accounts.fold = 0 THEN seeds.n_seeds ELSE seeds.n_sampled_seeds END AS n_seeds,
        -CASE WHEN run_accounts.fold = 0 THEN seeds.n_seeds ELSE seeds.n_seeds_among_sampled END AS n_others,
        CASE WHEN run_accounts.fold = 0 THEN seeds.pull ELSE seeds.sampled_pull END AS pull
    FROM run_accounts
    INNER JOIN seed_followers AS seeds
        ON run_accounts.segment_id = seeds.segment_id AND run_accounts.account_no = seeds.account_no
    WHERE run_accounts.fold <> seeds.own_fold
),

counted_accounts AS (
    SELECT run_no, account_no, sum(n_seeds) AS n_seeds, sum(n_others) AS n_others, sum(pull) AS pull
    FROM follower_parts
    GROUP BY run_no, account_no
    HAVING sum(n_seeds) + sum(n_others) > 0
),

counted_runs AS (
    SELECT
        counted_accounts.run_no,
        run.seed_weight,
        run.other_weight,
        run.seed_weight * CAST(sum(counted_accounts.n_seeds) AS DOUBLE)
        + run.other_weight * CAST(sum(counted_accounts.n_others) AS DOUBLE) AS weighted_edges,
        run.seed_weight * CAST(sum(counted_accounts.pull) AS DOUBLE) / 1e12 AS weighted_pull
    FROM counted_accounts
    INNER JOIN expansion.run ON counted_accounts.run_no = run.run_no
    GROUP BY counted_accounts.run_no, run.seed_weight, run.other_weight
),

weighted_accounts AS (
    SELECT
        accounts.run_no,
        accounts.account_no,
        accounts.n_seeds,
        runs.seed_weight * CAST(accounts.n_seeds AS DOUBLE)
        + runs.other_weight * CAST(accounts.n_others AS DOUBLE) AS weighted_followers,
        runs.seed_weight * CAST(accounts.pull AS DOUBLE) / 1e12 AS weighted_pull,
        runs.weighted_edges,
        runs.weighted_pull / runs.weighted_edges AS mean_pull
    FROM counted_accounts AS accounts
    INNER JOIN counted_runs AS runs ON accounts.run_no = runs.run_no
)

SELECT
    run_no,
    account_no,
    CAST(n_seeds AS BIGINT) AS n_seed_followers,
    weighted_followers,
    weighted_followers / weighted_edges AS edge_share,
    (weighted_pull - weighted_followers * mean_pull) / (weighted_followers + 3) AS excess_affinity
FROM weighted_accounts
