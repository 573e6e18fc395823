-- One row per platform on which the segment has members today.
SELECT DISTINCT platform
FROM core.segment_membership
WHERE segment_id = getvariable('suggest_segment') AND left_on IS NULL
