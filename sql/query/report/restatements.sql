-- One row per platform and metric that a later delivery restated.
SELECT platform, metric, count(*) AS n_restated, max(restated_on) AS last_on
FROM core.account_day_restatement
GROUP BY platform, metric
ORDER BY platform, metric
