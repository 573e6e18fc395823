-- One row per community and segment: the community's people who are in the segment today.
-- A probability counts as itself, in whole millionths so that no order of adding changes the sum.
SELECT
    community_member.community_number,
    membership.segment_id,
    count(*) AS n_people,
    CAST(sum(CAST(round(membership.membership_probability * 1000000) AS BIGINT)) AS BIGINT) AS people_millionths
FROM temp.suggest_community_member AS community_member
INNER JOIN core.segment_membership AS membership ON community_member.member_key = membership.member_key
WHERE
    membership.platform = getvariable('suggest_platform')
    AND membership.left_on IS NULL
    AND membership.segment_id <> 'everyone'
GROUP BY community_member.community_number, membership.segment_id
