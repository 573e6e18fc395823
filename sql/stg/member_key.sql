-- One row per person's id in tonight's deliveries, with the pseudonym that stands for it from here on.
-- HMAC-SHA-256 (RFC 2104) over "platform:id", written out: DuckDB has SHA-256 but no HMAC. The first
-- eight bytes are the key; the next eight notice when two ids ever give one key.
WITH seen_ids AS (
    SELECT platform, member_id FROM raw.follower
    WHERE quarantine_reason IS NULL
    UNION
    SELECT platform, member_id FROM raw.engagement
    WHERE quarantine_reason IS NULL
),

digests AS (
    SELECT
        platform,
        member_id,
        sha256(
            getvariable('key_outer') || unhex(sha256(getvariable('key_inner') || encode(platform || ':' || member_id)))
        ) AS digest
    FROM seen_ids
)

SELECT
    platform,
    member_id,
    CAST('0x' || substr(digest, 1, 16) AS UBIGINT) AS member_key,
    substr(digest, 17, 16) AS key_check
FROM digests
