-- One row per unused seed account and place of a follower it would count: what the audit said of those it looked at.
WITH current_follows AS (
    SELECT DISTINCT platform, account_id, member_key
    FROM core.follow
    WHERE ended_on IS NULL
)

SELECT
    follow.platform || ':' || follow.account_id AS candidate,
    person.in_segment,
    count(*) AS n_labels,
    sum(audit.weight) AS weight,
    sum(audit.weight * audit.weight) AS weight_squared,
    sum(audit.weight * audit.label) AS weight_right
FROM current_follows AS follow
INNER JOIN temp.suggest_person AS person ON follow.platform = person.platform AND follow.member_key = person.member_key
INNER JOIN temp.suggest_audit AS audit ON person.member_key = audit.member_key
WHERE person.follows_one_short
GROUP BY follow.platform, follow.account_id, person.in_segment
