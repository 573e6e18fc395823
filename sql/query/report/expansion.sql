-- One row per segment and platform that scores could expand and that has no current label audit.
SELECT expansion.*
FROM mart.segment_expansion AS expansion
LEFT JOIN mart.segment_quality AS quality
    ON
        expansion.segment_id = quality.segment_id
        AND expansion.platform = quality.platform
        AND quality.is_in_force
        AND quality.measure = 'size_people'
WHERE expansion.channel = 'follow' AND expansion.guard <> 'off' AND quality.segment_id IS NULL
ORDER BY expansion.segment_id ASC, expansion.n_seeds DESC, expansion.platform ASC
