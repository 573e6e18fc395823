-- One row per segment, channel and member connected with others' accounts, where the guard lets the segment expand.
-- A score ranks people; it is no probability and no membership: those come from an audit.
WITH numbered_runs AS (
    SELECT
        run.run_no,
        run.platform,
        run.channel,
        row_number() OVER (PARTITION BY run.platform, run.channel ORDER BY run.run_no) - 1 AS place
    FROM expansion.run
    INNER JOIN expansion.guard
        ON run.segment_id = guard.segment_id AND run.platform = guard.platform AND run.channel = guard.channel
    WHERE run.fold = 0 AND guard.guard IN ('good', 'weak')
),

-- Eight runs share one pass over the edges, as they do for soft labels.
blocks AS (
    SELECT
        run_no,
        min(run_no) OVER (PARTITION BY platform, channel, place // 8) AS block_no,
        place % 8 AS slot
    FROM numbered_runs
),

-- Whole units: their sums are the same in whatever order rows come, and equal people score the same to the last bit.
account_blocks AS (
    SELECT
        blocks.block_no,
        weight.account_no,
        sum(CASE WHEN blocks.slot = 0 THEN round(weight.log_odds_z * 1e10) ELSE 0 END) AS units_0,
        sum(CASE WHEN blocks.slot = 1 THEN round(weight.log_odds_z * 1e10) ELSE 0 END) AS units_1,
        sum(CASE WHEN blocks.slot = 2 THEN round(weight.log_odds_z * 1e10) ELSE 0 END) AS units_2,
        sum(CASE WHEN blocks.slot = 3 THEN round(weight.log_odds_z * 1e10) ELSE 0 END) AS units_3,
        sum(CASE WHEN blocks.slot = 4 THEN round(weight.log_odds_z * 1e10) ELSE 0 END) AS units_4,
        sum(CASE WHEN blocks.slot = 5 THEN round(weight.log_odds_z * 1e10) ELSE 0 END) AS units_5,
        sum(CASE WHEN blocks.slot = 6 THEN round(weight.log_odds_z * 1e10) ELSE 0 END) AS units_6,
        sum(CASE WHEN blocks.slot = 7 THEN round(weight.log_odds_z * 1e10) ELSE 0 END) AS units_7
    FROM expansion.account_weight AS weight
    INNER JOIN blocks ON weight.run_no = blocks.run_no
    GROUP BY blocks.block_no, weight.account_no
),

member_blocks AS (
    SELECT
        account_blocks.block_no,
        edge.member_key,
        count(*) AS n_accounts,
        sum(account_blocks.units_0) AS units_0,
        sum(account_blocks.units_1) AS units_1,
        sum(account_blocks.units_2) AS units_2,
        sum(account_blocks.units_3) AS units_3,
        sum(account_blocks.units_4) AS units_4,
        sum(account_blocks.units_5) AS units_5,
        sum(account_blocks.units_6) AS units_6,
        sum(account_blocks.units_7) AS units_7
    FROM expansion.edge
    INNER JOIN account_blocks ON edge.account_no = account_blocks.account_no
    GROUP BY account_blocks.block_no, edge.member_key
),

scored_members AS (
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
        END / 1e10 / sqrt(member_blocks.n_accounts + 3) AS expansion_score
    FROM member_blocks
    INNER JOIN blocks ON member_blocks.block_no = blocks.block_no
)

SELECT
    run.segment_id,
    run.platform,
    run.channel,
    scored.member_key,
    scored.expansion_score,
    seed.member_key IS NOT NULL AS is_seed,
    cume_dist() OVER (PARTITION BY scored.run_no ORDER BY scored.expansion_score DESC) AS score_rank_share
FROM scored_members AS scored
INNER JOIN expansion.run ON scored.run_no = run.run_no
LEFT JOIN expansion.seed
    ON run.segment_id = seed.segment_id AND run.channel = seed.channel AND scored.member_key = seed.member_key
