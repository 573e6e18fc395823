"""Who belongs to each segment: the SQL that marts and closure evaluations share."""

# Who belongs, or belonged when they were last seen: who went silent must not drop out of their own curve.
SEGMENT_MEMBERS = """
    SELECT membership.segment_id, membership.member_key,
        CAST(membership.membership_probability AS DECIMAL(18, 6)) AS counts_as
    FROM core.segment_membership AS membership
    INNER JOIN core.member USING (member_key)
    WHERE membership.left_on IS NULL OR (NOT member.is_present AND membership.left_on > member.last_seen_on)
"""
MEMBERS = f"{SEGMENT_MEMBERS} UNION ALL SELECT 'everyone' AS segment_id, member_key, 1 AS counts_as FROM core.member"
