-- One row per act on a post, or mention, on the platform in the days of the drop.
SELECT
    platform,
    post_id,
    account_id,
    member_id,
    kind,
    iso(engaged_at) AS engaged_at,
    text
FROM engagement
WHERE platform = getvariable('platform')
ORDER BY engaged_at, post_no, member_id, kind
