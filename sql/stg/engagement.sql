-- One row per act of a member on a post of ours, once per delivery.
-- The text is part of what makes two acts different, and goes no further than raw: only its digest is compared.
SELECT
    acted.delivery_id,
    acted.snapshot_on,
    acted.platform,
    acted.post_id,
    acted.account_id,
    member_key.member_key,
    acted.kind,
    CAST(acted.engaged_at AS TIMESTAMPTZ) AS engaged_at,
    md5(acted.text) AS text_digest,
    count(*) AS n_rows
FROM raw.engagement AS acted
INNER JOIN stg.member_key ON acted.platform = member_key.platform AND acted.member_id = member_key.member_id
WHERE acted.quarantine_reason IS NULL
GROUP BY ALL
