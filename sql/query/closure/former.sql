-- One row per segment: where those who followed the account on the day it closed are today.
WITH former AS (
    SELECT DISTINCT member_key FROM core.follow
    WHERE
        platform = getvariable('closure_platform')
        AND account_id = getvariable('closure_account')
        AND first_seen_on < getvariable('closure_closed_on')
        AND coalesce(ended_on >= getvariable('closure_closed_on'), TRUE)
),

others AS (
    SELECT account_id, role FROM core.account
    WHERE platform = getvariable('closure_platform') AND is_open AND account_id <> getvariable('closure_account')
),

following AS (
    SELECT follow.member_key, bool_or(others.role = 'own') AS of_ours
    FROM core.follow
    INNER JOIN former ON follow.member_key = former.member_key
    INNER JOIN others ON follow.account_id = others.account_id
    WHERE follow.ended_on IS NULL AND follow.platform = getvariable('closure_platform')
    GROUP BY follow.member_key
),

acting AS (
    SELECT DISTINCT engagement.member_key
    FROM core.engagement
    INNER JOIN former ON engagement.member_key = former.member_key
    INNER JOIN others ON engagement.account_id = others.account_id
    WHERE
        engagement.platform = getvariable('closure_platform')
        AND others.role = 'own'
        AND engagement.engaged_on >= getvariable('closure_closed_on')
),

counted AS (
    SELECT
        segment_person.segment_id,
        CAST(segment_person.membership_probability AS DECIMAL(18, 6)) AS counts_as,
        following.member_key IS NOT NULL AS is_following,
        coalesce(following.of_ours, FALSE) AS is_following_ours,
        acting.member_key IS NOT NULL AS is_acting
    FROM former
    INNER JOIN core.segment_person ON former.member_key = segment_person.member_key
    LEFT JOIN following ON former.member_key = following.member_key
    LEFT JOIN acting ON former.member_key = acting.member_key
)

SELECT
    segment_id,
    sum(counts_as) AS former_people,
    sum(CASE WHEN is_following_ours THEN counts_as ELSE 0 END) AS still_following_people,
    sum(CASE WHEN is_acting THEN counts_as ELSE 0 END) AS still_acting_people,
    sum(CASE WHEN is_following_ours OR is_acting THEN counts_as ELSE 0 END) AS still_reached_people,
    sum(CASE WHEN NOT is_following AND NOT is_acting THEN counts_as ELSE 0 END) AS gone_people,
    sum(CASE WHEN is_following AND NOT is_following_ours AND NOT is_acting THEN counts_as ELSE 0 END)
        AS unreached_people
FROM counted
GROUP BY segment_id
ORDER BY segment_id = 'everyone' DESC, segment_id
