-- One row per platform: the people of a draft, and everybody.
WITH draft AS (
    SELECT platform, member_key
    FROM core.segment_membership
    WHERE left_on IS NULL AND segment_id = $segment_id
)

SELECT
    everyone.platform,
    count(draft.member_key) AS segment_people,
    count(*) AS everyone_people
FROM core.member AS everyone
LEFT JOIN draft ON everyone.member_key = draft.member_key
WHERE everyone.is_present
GROUP BY everyone.platform
ORDER BY everyone.platform
