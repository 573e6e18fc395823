-- One row per segment and platform with a current label audit.
SELECT
    segment_id,
    platform,
    labelled_on,
    n_labels,
    max(CASE WHEN measure = 'size_people' THEN estimate END) AS size_people,
    max(CASE WHEN measure = 'size_people' THEN estimate_lo END) AS size_people_lo,
    max(CASE WHEN measure = 'size_people' THEN estimate_hi END) AS size_people_hi,
    max(CASE WHEN measure = 'rule_precision' THEN estimate END) AS rule_precision,
    max(CASE WHEN measure = 'rule_precision' THEN estimate_lo END) AS rule_precision_lo,
    max(CASE WHEN measure = 'rule_precision' THEN estimate_hi END) AS rule_precision_hi,
    max(CASE WHEN measure = 'rule_recall' THEN estimate END) AS rule_recall,
    max(CASE WHEN measure = 'rule_recall' THEN estimate_lo END) AS rule_recall_lo,
    max(CASE WHEN measure = 'rule_recall' THEN estimate_hi END) AS rule_recall_hi
FROM mart.segment_quality
WHERE is_in_force
GROUP BY segment_id, platform, labelled_on, n_labels
ORDER BY segment_id, platform
