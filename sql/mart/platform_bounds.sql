-- One row per segment and basis: between how many and how many different people we reach on any platform.
-- Nobody is matched between platforms: all may be the same people (the largest platform's number) or none (the sum);
-- nothing narrows that (Frechet). A list known in part is a lower bound and has no upper one.
WITH reached AS (
    SELECT
        segment_id,
        basis,
        platform,
        sum(CASE WHEN array_length(account_ids) > 0 THEN CAST(people AS DECIMAL(18, 6)) ELSE 0 END) AS people
    FROM mart.reach_signature
    GROUP BY segment_id, basis, platform
),

lists AS (
    SELECT own_account.platform, own_account.account_id, bool_or(follower_list.is_complete) AS has_complete_list
    FROM core.own_account
    INNER JOIN core.follower_list
        ON own_account.platform = follower_list.platform AND own_account.account_id = follower_list.account_id
    WHERE own_account.is_open
    GROUP BY own_account.platform, own_account.account_id
),

partly_known AS (
    SELECT platform, count(*) AS n_partial_lists
    FROM lists
    WHERE NOT has_complete_list
    GROUP BY platform
),

own_platforms AS (
    SELECT count(DISTINCT platform) AS n_own_platforms
    FROM core.own_account
    WHERE is_open
),

bounds AS (
    SELECT
        reached.segment_id,
        reached.basis,
        count(*) AS n_platforms,
        max(reached.people) AS people_at_least,
        sum(reached.people) AS people_at_most,
        sum(CASE WHEN reached.basis <> 'engaged' THEN coalesce(partly_known.n_partial_lists, 0) ELSE 0 END)
            AS n_partial_lists
    FROM reached
    LEFT JOIN partly_known ON reached.platform = partly_known.platform
    GROUP BY reached.segment_id, reached.basis
)

SELECT
    CAST(getvariable('as_of') AS DATE) AS as_of,
    bounds.segment_id,
    bounds.basis,
    bounds.n_platforms,
    own_platforms.n_own_platforms,
    CAST(round(bounds.people_at_least) AS BIGINT) AS any_platform_people_lo,
    CASE WHEN bounds.n_partial_lists = 0 THEN CAST(round(bounds.people_at_most) AS BIGINT) END
        AS any_platform_people_hi,
    CASE
        WHEN bounds.n_partial_lists > 0 THEN 'partial lists: no upper bound'
        WHEN bounds.n_platforms < own_platforms.n_own_platforms THEN 'without platforms that show no people'
    END AS bounds_reason
FROM bounds
CROSS JOIN own_platforms
