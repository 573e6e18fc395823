-- One row per segment, channel and seed: a member today by rule or audit who is connected with others' accounts.
-- Members by expansion alone are no seeds: expansion would feed on itself.
SELECT
    membership.segment_id,
    member.platform,
    member.channel,
    member.member_key,
    member.n_accounts,
    member.fold,
    row_number() OVER (
        PARTITION BY membership.segment_id, member.platform, member.channel ORDER BY member.member_key
    ) <= 1000 AS is_sampled
FROM core.segment_membership AS membership
INNER JOIN ref.segment ON membership.segment_id = segment.segment_id
INNER JOIN expansion.member
    ON membership.platform = member.platform AND membership.member_key = member.member_key
WHERE membership.left_on IS NULL AND membership.evidence IN ('rule', 'both', 'audit')
