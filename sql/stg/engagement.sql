-- One row per interaction of a member with a post of ours, once per delivery.
-- The text is part of what makes two interactions different, and goes no further than raw: only its digest is compared,
-- and two flags go on. Whoever sends the same words to an account again says nothing new: the first counts as one of
-- substance. An interaction is no later than the platform's index first saw it: Bluesky's createdAt is the member's
-- word and can be forged, to stay recent for ever; its own order takes the earlier of the two. The landed file keeps
-- both.
WITH interactions AS (
    SELECT
        acted.delivery_id,
        acted.snapshot_on,
        acted.platform,
        acted.post_id,
        acted.account_id,
        member_key.member_key,
        acted.kind,
        least(CAST(acted.engaged_at AS TIMESTAMPTZ), CAST(acted.indexed_at AS TIMESTAMPTZ)) AS engaged_at,
        md5(acted.text) AS text_digest,
        count(*) AS n_rows
    FROM raw.engagement AS acted
    INNER JOIN stg.member_key ON acted.platform = member_key.platform AND acted.member_id = member_key.member_id
    WHERE acted.quarantine_reason IS NULL
    GROUP BY ALL
),

flagged_acts AS (
    SELECT
        interactions.*,
        text_tone.is_hostile,
        text_tone.is_substantive,
        row_number() OVER (
            PARTITION BY
                interactions.delivery_id,
                interactions.platform,
                interactions.account_id,
                interactions.member_key,
                interactions.text_digest
            ORDER BY interactions.engaged_at NULLS LAST, interactions.post_id, interactions.kind
        ) AS copy_no
    FROM interactions
    LEFT JOIN stg.text_tone
        ON interactions.text_digest = text_tone.text_digest AND interactions.kind IN ('reply', 'quote', 'mention')
)

SELECT
    delivery_id,
    snapshot_on,
    platform,
    post_id,
    account_id,
    member_key,
    kind,
    engaged_at,
    text_digest,
    n_rows,
    is_hostile,
    CASE WHEN is_substantive IS NOT NULL THEN is_substantive AND copy_no = 1 END AS is_substantive
FROM flagged_acts
