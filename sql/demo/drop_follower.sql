-- One row per member on an account's follower list, on the platform and day of the drop.
-- Only Bluesky says when a follow began.
SELECT
    follow_on_drop.platform,
    account.account_id,
    follow_on_drop.member_id,
    getvariable('drop_on') AS observed_on,
    CASE
        WHEN follow_on_drop.platform = 'bluesky'
            THEN coalesce(
                follow_on_drop.starts_on,
                getvariable('first_drop') - 1 - pick(follow_on_drop.draw_key, follow_on_drop.account_no + 3000, 250)
            )::DATE
    END AS followed_on,
    follow_on_drop.handle,
    follow_on_drop.name,
    follow_on_drop.bio,
    follow_on_drop.location,
    follow_on_drop.followers_count,
    follow_on_drop.following_count,
    follow_on_drop.created_at,
    follow_on_drop.is_protected
FROM follow_on_drop
INNER JOIN account ON follow_on_drop.account_no = account.account_no
WHERE follow_on_drop.platform = getvariable('platform')
