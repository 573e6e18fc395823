-- One row per member's act on a post of ours, however many deliveries repeat it.
-- An act without a date counts on the day of the delivery that first showed it.
WITH acts AS (
    SELECT platform, post_id, account_id, member_key, kind, engaged_at, engaged_on FROM prior.engagement
    UNION ALL
    SELECT
        platform,
        post_id,
        account_id,
        member_key,
        kind,
        engaged_at,
        coalesce(CAST(engaged_at AS DATE), snapshot_on) AS engaged_on
    FROM stg.engagement
)

SELECT
    platform,
    post_id,
    account_id,
    member_key,
    kind,
    engaged_at,
    min(engaged_on) AS engaged_on
FROM acts
GROUP BY platform, post_id, account_id, member_key, kind, engaged_at
