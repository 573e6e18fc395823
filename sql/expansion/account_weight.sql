-- One row per run and account: log-odds that a follower of it is labelled, against all accounts, with its standard
-- error. Monroe, Colaresi and Quinn (2008, doi 10.1093/pan/mpn018): 500 prior connections, dealt as all connections
-- are.
WITH soft_followers AS (
    SELECT
        soft_label.run_no,
        edge.account_no,
        sum(CAST(round(soft_label.soft_label * 1e12) AS BIGINT)) AS label_units
    FROM expansion.edge
    INNER JOIN expansion.soft_label ON edge.member_key = soft_label.member_key
    GROUP BY soft_label.run_no, edge.account_no
),

-- Soft-labelled people are joined on the member alone; accounts of another channel fall out here.
labelled_accounts AS (
    SELECT
        affinity.run_no,
        affinity.account_no,
        affinity.n_seed_followers,
        affinity.weighted_followers,
        affinity.edge_share,
        coalesce(soft_followers.label_units, 0) AS label_units
    FROM expansion.account_affinity AS affinity
    LEFT JOIN soft_followers
        ON affinity.run_no = soft_followers.run_no AND affinity.account_no = soft_followers.account_no
),

labelled_runs AS (
    SELECT
        run_no,
        CAST(sum(n_seed_followers) AS DOUBLE) AS n_seed_followers,
        CAST(sum(label_units) AS DOUBLE) / 1e12 AS soft_followers
    FROM labelled_accounts
    GROUP BY run_no
),

-- y labelled and n other connections of the account, y_all and n_all of the run; prior is the account's of the 500.
fields AS (
    SELECT
        accounts.run_no,
        accounts.account_no,
        run.seed_weight * accounts.n_seed_followers
        + run.other_weight * CAST(accounts.label_units AS DOUBLE) / 1e12 AS y,
        run.seed_weight * runs.n_seed_followers + run.other_weight * runs.soft_followers AS y_all,
        accounts.weighted_followers AS y_and_n,
        accounts.weighted_followers / accounts.edge_share AS y_and_n_all,
        500 * accounts.edge_share AS prior_edges
    FROM labelled_accounts AS accounts
    INNER JOIN labelled_runs AS runs ON accounts.run_no = runs.run_no
    INNER JOIN expansion.run ON accounts.run_no = run.run_no
),

odds AS (
    SELECT
        run_no,
        account_no,
        y AS labelled_followers,
        y + prior_edges AS labelled,
        y_and_n - y + prior_edges AS unlabelled,
        y_all + 500 - y - prior_edges AS labelled_elsewhere,
        (y_and_n_all - y_all) + 500 - (y_and_n - y) - prior_edges AS unlabelled_elsewhere
    FROM fields
),

log_odds AS (
    SELECT
        run_no,
        account_no,
        labelled_followers,
        -- Where there is but one account, there is no other account to compare it with.
        CASE
            WHEN labelled_elsewhere > 0 AND unlabelled_elsewhere > 0
                THEN ln(labelled / labelled_elsewhere) - ln(unlabelled / unlabelled_elsewhere)
            ELSE 0
        END AS log_odds,
        sqrt(1 / labelled + 1 / unlabelled) AS log_odds_se
    FROM odds
)

SELECT
    run_no,
    account_no,
    labelled_followers,
    log_odds,
    log_odds_se,
    log_odds / log_odds_se AS log_odds_z
FROM log_odds
