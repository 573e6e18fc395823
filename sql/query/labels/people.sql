-- One row per present member of platform $platform, with the score by the frozen weights.
-- The formula and the decimals are those of core.audit_hit, so that a score is the same to the last bit.
WITH scores AS (
    SELECT follow.member_key, CAST(sum(frozen.log_odds_z) AS DOUBLE) / sqrt(count(*) + 3) AS expansion_score
    FROM core.follow
    INNER JOIN frozen ON follow.account_id = frozen.account_id
    WHERE follow.platform = $platform AND follow.ended_on IS NULL
    GROUP BY follow.member_key
)

SELECT
    member.member_key,
    member.platform,
    rule_member.member_key IS NOT NULL AS is_rule_member,
    scores.expansion_score
FROM core.member
LEFT JOIN scores ON member.member_key = scores.member_key
LEFT JOIN core.rule_member ON member.member_key = rule_member.member_key
WHERE member.is_present AND member.platform = $platform
