-- One row per day, channel, kind and, for social media, account in the days of the drop.
SELECT
    day,
    channel,
    kind,
    n,
    platform,
    account_id
FROM contact
WHERE drop_on = getvariable('drop_on')
ORDER BY day, channel, account_id, kind
