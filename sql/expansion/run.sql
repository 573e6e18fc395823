-- One row per segment, platform, channel and fold to fit: fold 0 on everybody, folds 1 to 5 without a fifth each.
-- The five see a sample: each of its seeds and others stands for as many as it was drawn from. Below 10 seeds: none.
WITH folds AS (
    SELECT 0 AS fold
    UNION ALL
    SELECT DISTINCT fold FROM expansion.member
),

member_counts AS (
    SELECT
        platform,
        channel,
        fold AS own_fold,
        count(*) AS n_members,
        sum(CASE WHEN is_sampled THEN 1 ELSE 0 END) AS n_sampled_members
    FROM expansion.member
    GROUP BY platform, channel, fold
),

seed_counts AS (
    SELECT
        seed.segment_id,
        seed.platform,
        seed.channel,
        seed.fold AS own_fold,
        count(*) AS n_seeds,
        sum(CASE WHEN seed.is_sampled THEN 1 ELSE 0 END) AS n_sampled_seeds,
        sum(CASE WHEN member.is_sampled THEN 1 ELSE 0 END) AS n_seeds_among_sampled
    FROM expansion.seed
    INNER JOIN expansion.member ON seed.channel = member.channel AND seed.member_key = member.member_key
    GROUP BY seed.segment_id, seed.platform, seed.channel, seed.fold
),

expanded_segments AS (
    SELECT seed_counts.segment_id, seed_counts.platform, seed_counts.channel
    FROM seed_counts
    INNER JOIN ref.segment ON seed_counts.segment_id = segment.segment_id
    WHERE segment.expansion = 'audited'
    GROUP BY seed_counts.segment_id, seed_counts.platform, seed_counts.channel
    HAVING sum(seed_counts.n_seeds) >= 10
),

counts AS (
    SELECT
        expanded_segments.segment_id,
        expanded_segments.platform,
        expanded_segments.channel,
        member_counts.own_fold,
        coalesce(seed_counts.n_seeds, 0) AS n_seeds,
        coalesce(seed_counts.n_sampled_seeds, 0) AS n_sampled_seeds,
        member_counts.n_members - coalesce(seed_counts.n_seeds, 0) AS n_others,
        member_counts.n_sampled_members - coalesce(seed_counts.n_seeds_among_sampled, 0) AS n_sampled_others
    FROM expanded_segments
    INNER JOIN member_counts
        ON expanded_segments.platform = member_counts.platform AND expanded_segments.channel = member_counts.channel
    LEFT JOIN seed_counts
        ON
            expanded_segments.segment_id = seed_counts.segment_id
            AND expanded_segments.platform = seed_counts.platform
            AND expanded_segments.channel = seed_counts.channel
            AND member_counts.own_fold = seed_counts.own_fold
),

fits AS (
    SELECT
        counts.segment_id,
        counts.platform,
        counts.channel,
        folds.fold,
        sum(CASE WHEN folds.fold = 0 THEN counts.n_seeds ELSE counts.n_sampled_seeds END) AS n_in_all_seeds,
        sum(CASE WHEN folds.fold = 0 THEN counts.n_others ELSE counts.n_sampled_others END) AS n_in_all_others,
        sum(
            CASE
                WHEN folds.fold = 0 THEN counts.n_seeds
                WHEN folds.fold <> counts.own_fold THEN counts.n_sampled_seeds
                ELSE 0
            END
        ) AS n_seeds,
        sum(
            CASE
                WHEN folds.fold = 0 THEN counts.n_others
                WHEN folds.fold <> counts.own_fold THEN counts.n_sampled_others
                ELSE 0
            END
        ) AS n_others,
        sum(counts.n_seeds) AS n_known_seeds,
        sum(counts.n_others) AS n_known_others
    FROM counts
    CROSS JOIN folds
    GROUP BY counts.segment_id, counts.platform, counts.channel, folds.fold
),

weighted_fits AS (
    SELECT
        *,
        CAST(n_known_seeds AS DOUBLE) / CAST(n_in_all_seeds AS DOUBLE) AS seed_weight,
        CAST(n_known_others AS DOUBLE) / CAST(n_in_all_others AS DOUBLE) AS other_weight
    FROM fits
    WHERE n_seeds > 0 AND n_others > 0
)

SELECT
    CAST(row_number() OVER (ORDER BY segment_id, platform, channel, fold) AS INTEGER) AS run_no,
    segment_id,
    platform,
    channel,
    fold,
    CAST(n_seeds AS BIGINT) AS n_seeds,
    CAST(n_others AS BIGINT) AS n_others,
    seed_weight,
    other_weight,
    -- As many people as five times the seeds stand for get the full soft label.
    CAST(ceil(5 * CAST(n_seeds AS DOUBLE) * seed_weight / other_weight) AS BIGINT) AS n_full_labels
FROM weighted_fits
