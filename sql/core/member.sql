-- One row per person ever seen on a platform, under a pseudonym: who is there today, and the size of their account.
-- Present means: follows one of the listed accounts now, or engaged with one of ours in the last 90 days.
-- Nobody is matched between platforms: a person on two of them is two members.
WITH sightings AS (
    SELECT member_key, first_seen_on AS first_on, last_seen_on AS last_on, ended_on IS NULL AS is_present
    FROM core.follow
    UNION ALL
    SELECT
        member_key,
        engaged_on AS first_on,
        engaged_on AS last_on,
        engaged_on > (SELECT recent_after_on FROM core.time_window) AS is_present
    FROM core.engagement
),

presence AS (
    SELECT
        member_key,
        min(first_on) AS first_seen_on,
        max(last_on) AS last_seen_on,
        bool_or(is_present) AS is_present
    FROM sightings
    GROUP BY member_key
)

SELECT
    member.platform,
    member.member_key,
    presence.first_seen_on,
    presence.last_seen_on,
    presence.is_present,
    member.followers_count,
    member.following_count,
    CAST(member.created_at AS DATE) AS created_on,
    member.is_protected
FROM stg.member
INNER JOIN presence ON member.member_key = presence.member_key
