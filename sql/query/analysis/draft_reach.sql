-- One row per open account of the organisation that people of a draft follow.
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
    account.platform,
    account.account_id,
    coalesce(account.name, account.account_id) AS name,
    count(*) AS reach_people,
    count(*) / draft_sizes.draft_people AS coverage_share
FROM draft
INNER JOIN draft_sizes ON draft.platform = draft_sizes.platform
INNER JOIN core.follow ON draft.member_key = follow.member_key AND follow.ended_on IS NULL
INNER JOIN core.account ON follow.platform = account.platform AND follow.account_id = account.account_id
WHERE account.role = 'own' AND account.is_open
GROUP BY account.platform, account.account_id, account.name, draft_sizes.draft_people
ORDER BY reach_people DESC, account.platform ASC, account.account_id ASC
