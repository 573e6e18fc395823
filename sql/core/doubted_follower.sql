-- One row per person in a list that is declared complete and not believed: such a list begins no follow and ends none.
-- Later lists are compared with it all the same.
WITH sightings AS (
    SELECT DISTINCT platform, account_id, observed_on, member_key
    FROM stg.follower
)

SELECT sightings.platform, sightings.account_id, sightings.observed_on, sightings.member_key
FROM sightings
INNER JOIN core.follower_list
    ON
        sightings.platform = follower_list.platform
        AND sightings.account_id = follower_list.account_id
        AND sightings.observed_on = follower_list.observed_on
WHERE follower_list.is_declared_complete AND NOT follower_list.is_complete
UNION ALL
SELECT platform, account_id, observed_on, member_key
FROM prior.doubted_follower
