-- One row per published segment and platform that shares people with a draft.
WITH draft AS (
    SELECT platform, member_key
    FROM core.segment_membership
    WHERE left_on IS NULL AND segment_id = $segment_id
),

draft_sizes AS (
    SELECT platform, count(*) AS draft_people FROM draft
    GROUP BY platform
)

SELECT
    other.segment_id,
    other.platform,
    count(draft.member_key) AS shared_people,
    count(draft.member_key) / draft_sizes.draft_people AS overlap_of_base,
    count(draft.member_key) / (count(*) + draft_sizes.draft_people - count(draft.member_key)) AS overlap_jaccard
FROM snapshot.core.segment_membership AS other
INNER JOIN draft_sizes ON other.platform = draft_sizes.platform
LEFT JOIN draft ON other.member_key = draft.member_key
WHERE other.left_on IS NULL AND other.segment_id <> $segment_id
GROUP BY other.segment_id, other.platform, draft_sizes.draft_people
HAVING count(draft.member_key) > 0
ORDER BY shared_people DESC, other.segment_id ASC, other.platform ASC
