-- One row per member's interaction with a post of ours, however many deliveries repeat it.
-- An interaction without a date counts on the day of the delivery that first showed it. Where deliveries gave it
-- different words (one cut them off), it is hostile if any of them are, and of substance if all of them are.
WITH interactions AS (
    SELECT platform, post_id, account_id, member_key, kind, engaged_at, engaged_on, is_hostile, is_substantive
    FROM prior.engagement
    UNION ALL
    SELECT
        platform,
        post_id,
        account_id,
        member_key,
        kind,
        engaged_at,
        coalesce(CAST(engaged_at AS DATE), snapshot_on) AS engaged_on,
        is_hostile,
        is_substantive
    FROM stg.engagement
)

SELECT
    platform,
    post_id,
    account_id,
    member_key,
    kind,
    engaged_at,
    min(engaged_on) AS engaged_on,
    bool_or(is_hostile) AS is_hostile,
    bool_and(is_substantive) AS is_substantive
FROM interactions
GROUP BY platform, post_id, account_id, member_key, kind, engaged_at
