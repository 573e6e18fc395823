-- One row per complete list of an account and complete list at most four before it: how many people stand in both.
-- The list just before is always compared; older ones only after people were lost, to see whether they came back.
WITH limits AS (
    SELECT max(CASE WHEN band = 'follower_list_loses_at_most' THEN value END) AS most_lost
    FROM ref.band
),

numbered_lists AS (
    SELECT
        list_reading.platform,
        list_reading.account_id,
        list_reading.observed_on,
        list_reading.list_people,
        read_before.observed_on IS NULL AS is_of_tonight,
        row_number() OVER (
            PARTITION BY list_reading.platform, list_reading.account_id ORDER BY list_reading.observed_on
        ) AS list_number
    FROM core.list_reading
    LEFT JOIN prior.list_reading AS read_before
        ON
            list_reading.platform = read_before.platform
            AND list_reading.account_id = read_before.account_id
            AND list_reading.observed_on = read_before.observed_on
    WHERE list_reading.is_declared_complete AND list_reading.unused_reason IS NULL
),

pairs AS (
    SELECT
        later.platform,
        later.account_id,
        later.observed_on,
        earlier.observed_on AS earlier_on,
        earlier.list_people AS earlier_people,
        later.list_number - earlier.list_number AS n_lists_later,
        earlier.is_of_tonight AS are_both_of_tonight
    FROM numbered_lists AS later
    INNER JOIN numbered_lists AS earlier
        ON
            later.platform = earlier.platform
            AND later.account_id = earlier.account_id
            AND earlier.list_number BETWEEN later.list_number - 4 AND later.list_number - 1
    CROSS JOIN limits
    LEFT JOIN prior.list_overlap AS next_step
        ON
            earlier.platform = next_step.platform
            AND earlier.account_id = next_step.account_id
            AND earlier.observed_on = next_step.earlier_on
            AND next_step.n_lists_later = 1
    WHERE
        later.is_of_tonight
        -- No account's own band is narrower than half of the common one.
        AND (
            later.list_number - earlier.list_number = 1
            OR next_step.people_in_both IS NULL
            OR next_step.people_in_both < (1 - limits.most_lost / 2) * earlier.list_people
        )
),

sightings AS (
    SELECT DISTINCT platform, account_id, observed_on, member_key FROM stg.follower
),

-- Whoever stood in a complete list of an earlier night has a spell that covers its day, unless it was not believed.
shared_people AS (
    SELECT pairs.platform, pairs.account_id, pairs.observed_on, pairs.earlier_on, count(*) AS people_in_both
    FROM pairs
    INNER JOIN sightings AS later
        ON
            pairs.platform = later.platform
            AND pairs.account_id = later.account_id
            AND pairs.observed_on = later.observed_on
    INNER JOIN sightings AS earlier
        ON
            pairs.platform = earlier.platform
            AND pairs.account_id = earlier.account_id
            AND pairs.earlier_on = earlier.observed_on
            AND later.member_key = earlier.member_key
    WHERE pairs.are_both_of_tonight
    GROUP BY pairs.platform, pairs.account_id, pairs.observed_on, pairs.earlier_on
    UNION ALL
    SELECT pairs.platform, pairs.account_id, pairs.observed_on, pairs.earlier_on, count(*) AS people_in_both
    FROM pairs
    INNER JOIN sightings AS later
        ON
            pairs.platform = later.platform
            AND pairs.account_id = later.account_id
            AND pairs.observed_on = later.observed_on
    INNER JOIN prior.follower_list
        ON
            pairs.platform = follower_list.platform
            AND pairs.account_id = follower_list.account_id
            AND pairs.earlier_on = follower_list.observed_on
            AND follower_list.is_complete
    INNER JOIN prior.follow
        ON
            pairs.platform = follow.platform
            AND pairs.account_id = follow.account_id
            AND later.member_key = follow.member_key
            AND pairs.earlier_on BETWEEN follow.first_seen_on AND follow.last_seen_on
    GROUP BY pairs.platform, pairs.account_id, pairs.observed_on, pairs.earlier_on
    UNION ALL
    SELECT pairs.platform, pairs.account_id, pairs.observed_on, pairs.earlier_on, count(*) AS people_in_both
    FROM pairs
    INNER JOIN sightings AS later
        ON
            pairs.platform = later.platform
            AND pairs.account_id = later.account_id
            AND pairs.observed_on = later.observed_on
    INNER JOIN prior.doubted_follower
        ON
            pairs.platform = doubted_follower.platform
            AND pairs.account_id = doubted_follower.account_id
            AND pairs.earlier_on = doubted_follower.observed_on
            AND later.member_key = doubted_follower.member_key
    GROUP BY pairs.platform, pairs.account_id, pairs.observed_on, pairs.earlier_on
),

counted_pairs AS (
    SELECT
        pairs.platform,
        pairs.account_id,
        pairs.observed_on,
        pairs.earlier_on,
        pairs.n_lists_later,
        pairs.earlier_people,
        coalesce(shared_people.people_in_both, 0) AS people_in_both
    FROM pairs
    LEFT JOIN shared_people
        ON
            pairs.platform = shared_people.platform
            AND pairs.account_id = shared_people.account_id
            AND pairs.observed_on = shared_people.observed_on
            AND pairs.earlier_on = shared_people.earlier_on
),

losses AS (
    SELECT steps.platform, steps.account_id, steps.earlier_on
    FROM (
        SELECT platform, account_id, earlier_on, n_lists_later, earlier_people, people_in_both FROM counted_pairs
        UNION ALL
        SELECT platform, account_id, earlier_on, n_lists_later, earlier_people, people_in_both FROM prior.list_overlap
    ) AS steps
    CROSS JOIN limits
    WHERE steps.n_lists_later = 1 AND steps.people_in_both < (1 - limits.most_lost / 2) * steps.earlier_people
)

SELECT
    counted_pairs.platform,
    counted_pairs.account_id,
    counted_pairs.observed_on,
    counted_pairs.earlier_on,
    counted_pairs.n_lists_later,
    counted_pairs.earlier_people,
    counted_pairs.people_in_both
FROM counted_pairs
LEFT JOIN losses
    ON
        counted_pairs.platform = losses.platform
        AND counted_pairs.account_id = losses.account_id
        AND counted_pairs.earlier_on = losses.earlier_on
WHERE counted_pairs.n_lists_later = 1 OR losses.earlier_on IS NOT NULL
UNION ALL
SELECT platform, account_id, observed_on, earlier_on, n_lists_later, earlier_people, people_in_both
FROM prior.list_overlap
