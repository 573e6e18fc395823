-- One row per segment and account that is not ours: how its followers lean towards the segment, where the guard holds.
-- Ranked by z, the log-odds in units of their error: a lean that a dozen followers show counts less than a thousand's.
WITH followers AS (
    SELECT account_no, count(*) AS n_followers FROM expansion.edge
    GROUP BY account_no
)

SELECT
    CAST(getvariable('as_of') AS DATE) AS as_of,
    run.segment_id,
    account.platform,
    account.channel,
    account.account_id,
    followers.n_followers,
    affinity.n_seed_followers,
    weight.log_odds,
    weight.log_odds_z,
    row_number() OVER (PARTITION BY run.run_no ORDER BY weight.log_odds_z DESC, account.account_id ASC) AS account_rank
FROM expansion.account_weight AS weight
INNER JOIN expansion.run ON weight.run_no = run.run_no
INNER JOIN expansion.guard
    ON run.segment_id = guard.segment_id AND run.platform = guard.platform AND run.channel = guard.channel
INNER JOIN expansion.account_affinity AS affinity
    ON weight.run_no = affinity.run_no AND weight.account_no = affinity.account_no
INNER JOIN expansion.account ON weight.account_no = account.account_no
INNER JOIN followers ON weight.account_no = followers.account_no
WHERE run.fold = 0 AND guard.guard IN ('good', 'weak')
