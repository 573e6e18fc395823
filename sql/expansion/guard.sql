-- One row per segment, platform and channel with runs: whether held-out seeds rank above everybody else.
-- AUC by Mann-Whitney, ties half; its error by DeLong (1988, doi 10.2307/2531595), times 1.5: five folds teach each
-- other (Nadeau and Bengio 2003, doi 10.1023/A:1024068626366: variance x (1/5 + 1/4) / (1/5)).
WITH scores AS (
    SELECT
        run.segment_id,
        run.platform,
        run.channel,
        run.fold,
        held_out.expansion_score,
        CAST(sum(CASE WHEN held_out.is_seed THEN 1 ELSE 0 END) AS BIGINT) AS n_seeds,
        CAST(sum(CASE WHEN held_out.is_seed THEN 0 ELSE 1 END) AS BIGINT) AS n_others
    FROM expansion.held_out_score AS held_out
    INNER JOIN expansion.run ON held_out.run_no = run.run_no
    GROUP BY run.segment_id, run.platform, run.channel, run.fold, held_out.expansion_score
),

counted_scores AS (
    SELECT
        segment_id,
        platform,
        channel,
        fold,
        n_seeds,
        n_others,
        CAST(sum(n_seeds) OVER from_the_top AS BIGINT) AS n_seeds_from_top,
        CAST(sum(n_others) OVER from_the_top AS BIGINT) AS n_others_from_top,
        CAST(sum(n_seeds) OVER in_the_fold AS BIGINT) AS n_fold_seeds,
        CAST(sum(n_others) OVER in_the_fold AS BIGINT) AS n_fold_others
    FROM scores
    WINDOW
        from_the_top AS (PARTITION BY segment_id, platform, channel, fold ORDER BY expansion_score DESC),
        in_the_fold AS (PARTITION BY segment_id, platform, channel, fold)
),

-- Twice a seed's place: others below and half of those beside it. Twice another's place: seeds above, half beside.
places AS (
    SELECT
        *,
        2 * (n_fold_others - n_others_from_top) + n_others AS seed_place,
        2 * n_seeds_from_top - n_seeds AS other_place,
        CAST(n_others_from_top AS DOUBLE) / CAST(n_fold_others AS DOUBLE) AS top_share
    FROM counted_scores
    WHERE n_fold_seeds > 0 AND n_fold_others > 0
),

fold_places AS (
    SELECT
        segment_id,
        platform,
        channel,
        fold,
        CAST(n_fold_seeds AS DOUBLE) AS n_seeds,
        CAST(n_fold_others AS DOUBLE) AS n_others,
        CAST(sum(n_seeds * seed_place) AS DOUBLE) / (2 * n_fold_others) AS seed_sum,
        CAST(sum(n_seeds * seed_place * seed_place) AS DOUBLE) / (4 * n_fold_others * n_fold_others) AS seed_squares,
        CAST(sum(n_others * other_place) AS DOUBLE) / (2 * n_fold_seeds) AS other_sum,
        CAST(sum(n_others * other_place * other_place) AS DOUBLE) / (4 * n_fold_seeds * n_fold_seeds) AS other_squares
    FROM places
    GROUP BY segment_id, platform, channel, fold, n_fold_seeds, n_fold_others
),

aucs AS (
    SELECT
        segment_id,
        platform,
        channel,
        sum(n_seeds) AS n_seeds,
        sum(n_others) AS n_others,
        round(sum(seed_sum) / sum(n_seeds), 12) AS auc,
        -- Never less than the variance of places that chance deals, 1/12; widened as Student's t would for few.
        greatest(
            1.0 / 12,
            (sum(seed_squares) - sum(seed_sum) * sum(seed_sum) / sum(n_seeds)) / nullif(sum(n_seeds) - 1, 0)
        ) / sum(n_seeds) * (sum(n_seeds) + 1) / nullif(sum(n_seeds) - 1, 0) AS seed_variance,
        greatest(
            1.0 / 12,
            (sum(other_squares) - sum(other_sum) * sum(other_sum) / sum(n_others)) / nullif(sum(n_others) - 1, 0)
        ) / sum(n_others) AS other_variance
    FROM fold_places
    GROUP BY segment_id, platform, channel
),

-- Size: if half of the seeds stand above 100 others, and seeds are like the members not yet known, then of those there
-- are 200 or fewer. The best such bound of all depths, each made worse by what chance may have done: to the seeds'
-- share (Dvoretzky, Kiefer and Wolfowitz with Massart's constant, as Blanchard, Lee and Scott 2010 do), to the sample
-- of others (the same), and to how many of the unknown members stand so high (Chernoff's bound for few).
top_shares AS (
    SELECT
        segment_id,
        platform,
        channel,
        top_share,
        sum(sum(n_seeds)) OVER (PARTITION BY segment_id, platform, channel ORDER BY top_share) AS n_seeds_within
    FROM places
    GROUP BY segment_id, platform, channel, top_share
),

judged AS (
    SELECT
        run.segment_id,
        run.platform,
        run.channel,
        run.n_seeds,
        run.n_others,
        coalesce(aucs.n_seeds, 0) AS n_held_out_seeds,
        aucs.auc,
        round(1.5 * sqrt(aucs.seed_variance + aucs.other_variance), 12) AS auc_se,
        sqrt(ln(40) / (2 * aucs.n_seeds)) AS seed_doubt,
        sqrt(ln(40) / (2 * aucs.n_others) * greatest(0, 1 - aucs.n_others / run.n_others)) AS other_doubt
    FROM expansion.run
    LEFT JOIN aucs
        ON run.segment_id = aucs.segment_id AND run.platform = aucs.platform AND run.channel = aucs.channel
    WHERE run.fold = 0
),

others_within AS (
    SELECT
        judged.segment_id,
        judged.platform,
        judged.channel,
        judged.n_others * (top_shares.top_share + judged.other_doubt) AS n_others_within,
        top_shares.n_seeds_within / judged.n_held_out_seeds - judged.seed_doubt AS seed_share_lo
    FROM judged
    INNER JOIN top_shares
        ON
            judged.segment_id = top_shares.segment_id
            AND judged.platform = top_shares.platform
            AND judged.channel = top_shares.channel
),

unknown_members AS (
    SELECT
        segment_id,
        platform,
        channel,
        min(power(sqrt(ln(40) / 2) + sqrt(ln(40) / 2 + n_others_within), 2) / seed_share_lo) AS people_hi
    FROM others_within
    WHERE seed_share_lo > 0
    GROUP BY segment_id, platform, channel
)

SELECT
    judged.segment_id,
    judged.platform,
    judged.channel,
    judged.n_seeds,
    judged.n_seeds + judged.n_others AS n_scored,
    CAST(judged.n_held_out_seeds AS BIGINT) AS n_held_out_seeds,
    judged.auc,
    judged.auc_se,
    CASE
        WHEN judged.n_held_out_seeds < 10 THEN 'too few seeds'
        WHEN judged.auc - 1.64 * judged.auc_se <= 0.5 THEN 'refused'
        WHEN judged.auc < 0.65 THEN 'weak'
        ELSE 'good'
    END AS guard,
    CAST(ceil(judged.n_seeds + least(judged.n_others, unknown.people_hi)) AS BIGINT) AS segment_people_hi
FROM judged
LEFT JOIN unknown_members AS unknown
    ON
        judged.segment_id = unknown.segment_id
        AND judged.platform = unknown.platform
        AND judged.channel = unknown.channel
