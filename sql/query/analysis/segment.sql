-- One row per segment that ever had members: a draft takes no name that is taken.
SELECT DISTINCT segment_id
FROM core.segment_membership
