-- One row per person and time without a gap, in whole weeks, in which complete lists of any listed account show them.
-- Acts alone make nobody present, and who changes accounts within a week neither goes nor comes. Who stands in an
-- account's first list was there before: newly listed, no arrival. Whom only an account that closed would show is lost
-- from view: no departure. Both days are Mondays: the first week that shows the person, and the first that does not.
WITH first_lists AS (
    SELECT platform, account_id, min(observed_on) AS first_list_on
    FROM core.follower_list
    WHERE is_complete
    GROUP BY platform, account_id
),

listed_accounts AS (
    SELECT account.platform, account.account_id, account.closed_on, first_lists.first_list_on
    FROM core.account
    INNER JOIN first_lists
        ON account.platform = first_lists.platform AND account.account_id = first_lists.account_id
),

-- From the week that first shows somebody in an account's lists to the week whose list no longer does.
sightings AS (
    SELECT
        follow.platform,
        follow.member_key,
        CAST(date_trunc('week', greatest(follow.first_seen_on, listed_accounts.first_list_on)) AS DATE) AS from_week,
        CAST(date_trunc('week', least(follow.ended_on, listed_accounts.closed_on, DATE '9000-01-06')) AS DATE)
            AS to_week,
        follow.first_seen_on <= listed_accounts.first_list_on AS is_in_first_list,
        coalesce(follow.ended_on <= coalesce(listed_accounts.closed_on, follow.ended_on), FALSE) AS is_ended_by_list
    FROM core.follow
    INNER JOIN listed_accounts
        ON follow.platform = listed_accounts.platform AND follow.account_id = listed_accounts.account_id
    WHERE
        coalesce(follow.ended_on > listed_accounts.first_list_on, TRUE)
        AND coalesce(listed_accounts.closed_on > greatest(follow.first_seen_on, listed_accounts.first_list_on), TRUE)
),

members_seen AS (
    SELECT
        platform,
        member_key,
        min(from_week) AS from_week,
        max(to_week) AS to_week,
        min(CASE WHEN is_in_first_list THEN from_week END) AS newly_listed_week,
        max(CASE WHEN is_ended_by_list THEN to_week END) AS dropped_week,
        max(from_week) <= min(to_week) AS is_one_presence
    FROM sightings
    GROUP BY platform, member_key
),

-- Sightings that all have a week in common are one presence; only the others must be put in order.
ordered_sightings AS (
    SELECT
        sightings.*,
        max(sightings.to_week) OVER (
            PARTITION BY sightings.member_key
            ORDER BY sightings.from_week, sightings.to_week ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS held_to
    FROM sightings
    INNER JOIN members_seen ON sightings.member_key = members_seen.member_key
    WHERE NOT members_seen.is_one_presence
),

numbered_sightings AS (
    SELECT
        *,
        sum(CASE WHEN from_week <= held_to THEN 0 ELSE 1 END) OVER (
            PARTITION BY member_key ORDER BY from_week, to_week
        ) AS presence_number
    FROM ordered_sightings
),

all_presences AS (
    SELECT platform, member_key, 1 AS presence_number, from_week, to_week, newly_listed_week, dropped_week
    FROM members_seen
    WHERE is_one_presence
    UNION ALL
    SELECT
        platform,
        member_key,
        presence_number,
        min(from_week) AS from_week,
        max(to_week) AS to_week,
        min(CASE WHEN is_in_first_list THEN from_week END) AS newly_listed_week,
        max(CASE WHEN is_ended_by_list THEN to_week END) AS dropped_week
    FROM numbered_sightings
    GROUP BY platform, member_key, presence_number
)

SELECT
    platform,
    member_key,
    from_week AS valid_from,
    to_week AS valid_to,
    CASE
        WHEN newly_listed_week = from_week THEN 'newly listed'
        WHEN presence_number > 1 THEN 'returned'
        ELSE 'arrived'
    END AS arrival_status,
    coalesce(dropped_week = to_week, FALSE) AS is_departure
FROM all_presences
