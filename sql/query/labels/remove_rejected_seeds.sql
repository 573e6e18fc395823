-- People whom an audit rejected are no longer seeds of segment $segment_id.
DELETE FROM core.segment_membership
WHERE segment_id = $segment_id AND member_key IN (
    SELECT member_key FROM labelled
    WHERE label = 'no'
)
