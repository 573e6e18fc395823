"""Faults planted into the models that say what platforms gave: each must make some case fail."""

AVAILABILITY = "meta.metric_availability"
SCORECARD = "mart.account_scorecard"

SOURCE_MUTATIONS = [
    (AVAILABILITY, "WHERE account_day.day <= getvariable('as_of')", ""),
    (AVAILABILITY, "count(post.likes)", "count(*)"),
    (AVAILABILITY, "count(post.impressions)", "count(post.likes)"),
    (AVAILABILITY, "count(account_day.value)", "count(*)"),
    (AVAILABILITY, "min(day) AS day", "max(day) AS day"),
    (AVAILABILITY, "GROUP BY platform, metric_of )", "GROUP BY platform, metric_of, metric )"),
    (AVAILABILITY, "days.day >= metric_change.changed_on", "days.day > metric_change.changed_on"),
    (AVAILABILITY, " AND days.metric_of = metric_change.metric_of", ""),
    (AVAILABILITY, " AND days.metric = metric_change.metric", ""),
    (AVAILABILITY, "days.platform = metric_change.platform AND ", ""),
    (AVAILABILITY, "max_by(metric_change.change, metric_change.changed_on)", "min(metric_change.change)"),
    (AVAILABILITY, "figures.n_values > 0 AND changes.changed_on IS NOT NULL", "changes.changed_on IS NOT NULL"),
    (AVAILABILITY, "WHEN figures.n_values > 0 THEN 'reported'", ""),
    (AVAILABILITY, "WHEN changes.change = 'retired' THEN 'retired'", ""),
    (AVAILABILITY, "WHEN figures.n_rows > 0 THEN 'withheld'", ""),
    (AVAILABILITY, "(figures.n_values > 0 OR changes.change = 'retired')", "figures.n_values > 0"),
    (SCORECARD, "WHERE metric_of = 'post' AND", "WHERE"),
    (SCORECARD, "definition_changed_on > getvariable('as_of') - INTERVAL 90 DAY", "true"),
    (SCORECARD, "definition_changed_on > getvariable", "definition_changed_on >= getvariable"),
    (SCORECARD, "WHEN posts.n_posts > 0 THEN nullif", "WHEN true THEN nullif"),
    (SCORECARD, "redefined_figures.replies_changed_on", "redefined_figures.likes_changed_on"),
    (SCORECARD, "redefined_figures.reposts_changed_on", "redefined_figures.likes_changed_on"),
    (SCORECARD, "WHEN likes + replies + reposts IS NOT NULL", "WHEN impressions > 0"),
]
