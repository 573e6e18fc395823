-- One row per spell in which a member follows an account: from the first list that shows them to the last.
-- Only a complete list without the member ends a spell; a partial list, or a week without lists, ends nothing. A list
-- that is declared complete and not believed begins nothing, either: its ids may be damaged.
WITH list_days AS (
    SELECT
        platform,
        account_id,
        observed_on,
        sum(CASE WHEN is_complete THEN 1 ELSE 0 END) OVER (
            PARTITION BY platform, account_id ORDER BY observed_on
        ) AS n_lists,
        is_complete
    FROM core.follower_list
    WHERE is_complete OR NOT is_declared_complete
),

complete_lists AS (
    SELECT platform, account_id, observed_on, n_lists
    FROM list_days
    WHERE is_complete
),

sightings AS (
    SELECT
        platform,
        account_id,
        member_key,
        observed_on AS first_seen_on,
        observed_on AS last_seen_on,
        min(followed_on) AS followed_on
    FROM stg.follower
    GROUP BY platform, account_id, member_key, observed_on
    UNION ALL
    SELECT platform, account_id, member_key, first_seen_on, last_seen_on, followed_on
    FROM prior.follow
    WHERE ended_on IS NULL
),

numbered_sightings AS (
    SELECT
        sightings.platform,
        sightings.account_id,
        sightings.member_key,
        sightings.first_seen_on,
        sightings.last_seen_on,
        sightings.followed_on,
        first_list.n_lists - CASE WHEN first_list.is_complete THEN 1 ELSE 0 END AS n_lists_before,
        last_list.n_lists AS n_lists_upto
    FROM sightings
    INNER JOIN list_days AS first_list
        ON
            sightings.platform = first_list.platform
            AND sightings.account_id = first_list.account_id
            AND sightings.first_seen_on = first_list.observed_on
    INNER JOIN list_days AS last_list
        ON
            sightings.platform = last_list.platform
            AND sightings.account_id = last_list.account_id
            AND sightings.last_seen_on = last_list.observed_on
),

-- A list that lies wholly between two sightings did not show the member: the later one begins a new spell.
spell_starts AS (
    SELECT
        *,
        CASE
            WHEN n_lists_before > lag(n_lists_upto) OVER (PARTITION BY account_id, member_key ORDER BY first_seen_on)
                THEN 1
            ELSE 0
        END AS begins_anew
    FROM numbered_sightings
),

numbered_spells AS (
    SELECT
        *,
        sum(begins_anew) OVER (PARTITION BY account_id, member_key ORDER BY first_seen_on) AS spell_number
    FROM spell_starts
),

spells AS (
    SELECT
        platform,
        account_id,
        member_key,
        min(first_seen_on) AS first_seen_on,
        max(last_seen_on) AS last_seen_on,
        min(followed_on) AS followed_on,
        max(n_lists_upto) AS n_lists_upto
    FROM numbered_spells
    GROUP BY platform, account_id, member_key, spell_number
)

SELECT
    spells.platform,
    spells.account_id,
    spells.member_key,
    spells.followed_on,
    spells.first_seen_on,
    spells.last_seen_on,
    next_list.observed_on AS ended_on
FROM spells
LEFT JOIN complete_lists AS next_list
    ON
        spells.platform = next_list.platform
        AND spells.account_id = next_list.account_id
        AND spells.n_lists_upto + 1 = next_list.n_lists
UNION ALL
SELECT platform, account_id, member_key, followed_on, first_seen_on, last_seen_on, ended_on
FROM prior.follow
WHERE ended_on IS NOT NULL
