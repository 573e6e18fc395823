-- People whom an audit rejected are seeds of a segment of their own, $rejected.
INSERT INTO core.segment_membership BY NAME
SELECT
    $rejected AS segment_id,
    $platform AS platform,
    member_key,
    getvariable('as_of') AS entered_on,
    1 AS membership_probability,
    'audit' AS evidence
FROM labelled
WHERE label = 'no'
