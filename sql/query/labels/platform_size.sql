-- One row per platform with current members of the segment, the largest first.
SELECT platform, count(*) AS people
FROM core.segment_membership
WHERE left_on IS NULL
GROUP BY platform
ORDER BY people DESC, platform ASC
