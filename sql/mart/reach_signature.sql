-- One row per segment, platform, basis and set of our open accounts: how many of the segment's people exactly that set
-- reaches. People whom none reaches stand under the empty set, so that rows add up to the segment.
-- People count by their probability to belong: 1 each until an audit knows better. Sets never cross platforms: nobody
-- is matched between them. Probabilities are added as decimals, so that the order of rows cannot change the last digit.
SELECT
    CAST(getvariable('as_of') AS DATE) AS as_of,
    segment_id,
    platform,
    basis,
    account_ids,
    CAST(sum(n_members) AS BIGINT) AS n_members,
    CAST(sum(CAST(people AS DECIMAL(18, 6))) AS DOUBLE) AS people,
    CAST(sum(CAST(people_variance AS DECIMAL(18, 6))) AS DOUBLE) AS people_variance
FROM core.home_signature
GROUP BY segment_id, platform, basis, account_ids
