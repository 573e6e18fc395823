-- One row per run and member who is no seed and follows more of the seeds' accounts than people do on average.
-- A label is at most one half: these people are guesses, and only the highest ranks are worth even that.
WITH numbered_runs AS (
    SELECT
        run_no,
        platform,
        channel,
        fold,
        row_number() OVER (PARTITION BY platform, channel, fold ORDER BY run_no) - 1 AS place
    FROM expansion.run
),

-- Eight runs share one pass over the edges, each in a column of its own: a tenth of what eight rows an edge cost.
blocks AS (
    SELECT
        run_no,
        fold,
        min(run_no) OVER (PARTITION BY platform, channel, fold, place // 8) AS block_no,
        place % 8 AS slot
    FROM numbered_runs
),

-- Whole trillionths of the run's largest: sums of whole numbers are the same in whatever order rows come.
affinities AS (
    SELECT
        blocks.block_no,
        blocks.slot,
        blocks.fold,
        least(blocks.fold, 1) AS of_sample,
        affinity.account_no,
        round(
            affinity.excess_affinity * 1e12
            / nullif(max(abs(affinity.excess_affinity)) OVER (PARTITION BY affinity.run_no), 0)
        ) AS units
    FROM expansion.account_affinity AS affinity
    INNER JOIN blocks ON affinity.run_no = blocks.run_no
),

account_blocks AS (
    SELECT
        block_no,
        fold,
        of_sample,
        account_no,
        sum(CASE WHEN slot = 0 THEN units ELSE 0 END) AS units_0,
        sum(CASE WHEN slot = 1 THEN units ELSE 0 END) AS units_1,
        sum(CASE WHEN slot = 2 THEN units ELSE 0 END) AS units_2,
        sum(CASE WHEN slot = 3 THEN units ELSE 0 END) AS units_3,
        sum(CASE WHEN slot = 4 THEN units ELSE 0 END) AS units_4,
        sum(CASE WHEN slot = 5 THEN units ELSE 0 END) AS units_5,
        sum(CASE WHEN slot = 6 THEN units ELSE 0 END) AS units_6,
        sum(CASE WHEN slot = 7 THEN units ELSE 0 END) AS units_7
    FROM affinities
    GROUP BY block_no, fold, of_sample, account_no
),

-- Runs on everybody take every edge, the guard's runs those of its sample.
run_edges AS (
    SELECT account_no, member_key, 0 AS of_sample, 0 AS own_fold FROM expansion.edge
    UNION ALL
    SELECT edge.account_no, edge.member_key, 1 AS of_sample, member.fold AS own_fold
    FROM expansion.edge
    INNER JOIN expansion.member ON edge.channel = member.channel AND edge.member_key = member.member_key
    WHERE member.is_sampled
),

-- Every account of a member in the fit has followers there, at least this one: the rows are the member's accounts.
member_blocks AS (
    SELECT
        account_blocks.block_no,
        run_edges.member_key,
        count(*) AS n_accounts,
        sum(account_blocks.units_0) AS units_0,
        sum(account_blocks.units_1) AS units_1,
        sum(account_blocks.units_2) AS units_2,
        sum(account_blocks.units_3) AS units_3,
        sum(account_blocks.units_4) AS units_4,
        sum(account_blocks.units_5) AS units_5,
        sum(account_blocks.units_6) AS units_6,
        sum(account_blocks.units_7) AS units_7
    FROM run_edges
    INNER JOIN account_blocks
        ON
            run_edges.account_no = account_blocks.account_no
            AND run_edges.of_sample = account_blocks.of_sample
            AND (account_blocks.fold = 0 OR run_edges.own_fold <> account_blocks.fold)
    GROUP BY account_blocks.block_no, run_edges.member_key
),

run_members AS (
    SELECT
        blocks.run_no,
        member_blocks.member_key,
        CASE blocks.slot
            WHEN 0 THEN member_blocks.units_0
            WHEN 1 THEN member_blocks.units_1
            WHEN 2 THEN member_blocks.units_2
            WHEN 3 THEN member_blocks.units_3
            WHEN 4 THEN member_blocks.units_4
            WHEN 5 THEN member_blocks.units_5
            WHEN 6 THEN member_blocks.units_6
            WHEN 7 THEN member_blocks.units_7
        END / (member_blocks.n_accounts + 3) AS excess
    FROM member_blocks
    INNER JOIN blocks ON member_blocks.block_no = blocks.block_no
),

run_seeds AS (
    SELECT run.run_no, seed.member_key
    FROM expansion.run
    INNER JOIN expansion.seed
        ON run.segment_id = seed.segment_id AND run.platform = seed.platform AND run.channel = seed.channel
),

ranked_others AS (
    SELECT
        run_members.run_no,
        run_members.member_key,
        run_members.excess,
        row_number() OVER (PARTITION BY run_members.run_no ORDER BY run_members.excess DESC) AS excess_rank
    FROM run_members
    LEFT JOIN run_seeds
        ON run_members.run_no = run_seeds.run_no AND run_members.member_key = run_seeds.member_key
    WHERE run_members.excess > 0 AND run_seeds.member_key IS NULL
),

-- Where fewer people stand out than should get the full label, the last of them sets it.
thresholds AS (
    SELECT ranked_others.run_no, min(ranked_others.excess) AS full_excess
    FROM ranked_others
    INNER JOIN expansion.run ON ranked_others.run_no = run.run_no
    WHERE ranked_others.excess_rank <= run.n_full_labels
    GROUP BY ranked_others.run_no
)

SELECT
    ranked_others.run_no,
    ranked_others.member_key,
    0.5 * least(1, ranked_others.excess / thresholds.full_excess) AS soft_label
FROM ranked_others
INNER JOIN thresholds ON ranked_others.run_no = thresholds.run_no
