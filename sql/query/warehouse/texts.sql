-- One row per different text of the replies, quotes and mentions that were loaded.
SELECT DISTINCT md5(text) AS text_digest, text
FROM raw.engagement
WHERE quarantine_reason IS NULL AND text IS NOT NULL AND kind IN ('reply', 'quote', 'mention')
