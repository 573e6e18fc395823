-- One row per numbered account and present member who is connected with it today.
-- Connected means: follows it now, or engaged with it in the last 90 days; each is a channel of its own.
WITH connections AS (
    -- A member has one open spell of an account at most; of interactions there are many.
    SELECT 'follow' AS channel, platform, account_id, member_key FROM core.follow
    WHERE ended_on IS NULL
    UNION ALL
    SELECT DISTINCT 'engagement' AS channel, platform, account_id, member_key FROM core.engagement
    WHERE engaged_on > (SELECT recent_after_on FROM core.time_window)
)

SELECT
    account.channel,
    account.platform,
    account.account_no,
    connections.member_key
FROM connections
INNER JOIN expansion.account
    ON
        connections.channel = account.channel
        AND connections.platform = account.platform
        AND connections.account_id = account.account_id
INNER JOIN core.member ON connections.member_key = member.member_key
WHERE member.is_present
-- Whoever lies together is added up together: the sums per member that follow cost half.
ORDER BY connections.member_key
