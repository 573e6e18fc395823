-- One row: the number of segments whose fair shares do not add up to their net reach.
WITH net AS (
    SELECT segment_id, platform, basis, sum(people) AS people
    FROM mart.reach_signature
    WHERE len(account_ids) > 0
    GROUP BY segment_id, platform, basis
),

shares AS (
    SELECT segment_id, platform, basis, sum(fair_share_people) AS people
    FROM mart.segment_reach
    WHERE fair_share_people > 0
    GROUP BY segment_id, platform, basis
)

SELECT count(*) AS n_segments
FROM net
FULL JOIN shares
    ON net.segment_id = shares.segment_id AND net.platform = shares.platform AND net.basis = shares.basis
WHERE NOT coalesce(abs(net.people - shares.people) < 1e-6 * net.people, false)
