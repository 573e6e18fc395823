-- One row per account and day on which its follower list was read, and whether the list is believed to be complete.
-- A list that its sender calls complete and that finds too few people of the one before again is partial until
-- accepted_list.csv names it: such a list is more often cut off, or has damaged ids, than an exodus, and would end
-- every follow that it leaves out. So are the three after it while those people are absent; then a real fall is
-- believed. How many an account may lose follows from its own history: some times its average loss, between half of
-- the common limit and twice it; the common limit holds until enough lists were compared. Neither an accepted list nor
-- those after it are compared with lists before it.
WITH limits AS (
    SELECT
        max(CASE WHEN band = 'follower_list_loses_at_most' THEN value END) AS most_lost,
        max(CASE WHEN band = 'follower_list_loses_times_average' THEN value END) AS times_average,
        max(CASE WHEN band = 'follower_list_own_limit_from' THEN value END) AS own_limit_from,
        max(CASE WHEN band = 'follower_list_shrink_matters_from' THEN value END) AS matters_from
    FROM ref.band
),

used_lists AS (
    SELECT
        list_reading.*,
        accepted_list.reason IS NOT NULL AS is_accepted,
        sum(CASE WHEN accepted_list.reason IS NULL THEN 0 ELSE 1 END) OVER (
            PARTITION BY list_reading.platform, list_reading.account_id ORDER BY list_reading.observed_on
        ) AS n_accepted
    FROM core.list_reading
    LEFT JOIN ref.accepted_list
        ON
            list_reading.platform = accepted_list.platform
            AND list_reading.account_id = accepted_list.account_id
            AND list_reading.observed_on = accepted_list.observed_on
    WHERE list_reading.unused_reason IS NULL
),

steps AS (
    SELECT
        used_lists.*,
        CASE WHEN NOT used_lists.is_accepted THEN list_overlap.earlier_on END AS earlier_on,
        CASE WHEN NOT used_lists.is_accepted THEN list_overlap.earlier_people END AS list_people_before,
        CASE WHEN NOT used_lists.is_accepted THEN list_overlap.people_in_both END AS list_people_found_again,
        CASE
            WHEN NOT used_lists.is_accepted AND list_overlap.earlier_people >= limits.matters_from
                THEN 1 - list_overlap.people_in_both / list_overlap.earlier_people
        END AS lost_share
    FROM used_lists
    CROSS JOIN limits
    LEFT JOIN core.list_overlap
        ON
            used_lists.platform = list_overlap.platform
            AND used_lists.account_id = list_overlap.account_id
            AND used_lists.observed_on = list_overlap.observed_on
            AND list_overlap.n_lists_later = 1
),

averages AS (
    SELECT
        *,
        count(lost_share) OVER earlier_steps AS n_compared,
        avg(lost_share) OVER earlier_steps AS average_loss
    FROM steps
    WINDOW
        earlier_steps AS (
            PARTITION BY platform, account_id ORDER BY observed_on ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        )
),

limited_steps AS (
    SELECT
        averages.*,
        CASE
            WHEN averages.n_compared < limits.own_limit_from THEN limits.most_lost
            ELSE
                greatest(
                    limits.most_lost / 2,
                    least(limits.most_lost * 2, limits.times_average * averages.average_loss)
                )
        END AS lost_at_most
    FROM averages
    CROSS JOIN limits
),

losses AS (
    SELECT platform, account_id, observed_on AS lost_on, earlier_on, n_accepted, lost_at_most
    FROM limited_steps
    WHERE lost_share > lost_at_most
),

-- The lists, at most four, in which the people of a list before a loss are absent.
doubted_lists AS (
    SELECT DISTINCT list_overlap.platform, list_overlap.account_id, list_overlap.observed_on
    FROM losses
    INNER JOIN core.list_overlap
        ON
            losses.platform = list_overlap.platform
            AND losses.account_id = list_overlap.account_id
            AND losses.earlier_on = list_overlap.earlier_on
            AND list_overlap.people_in_both < (1 - losses.lost_at_most) * list_overlap.earlier_people
    INNER JOIN used_lists
        ON
            list_overlap.platform = used_lists.platform
            AND list_overlap.account_id = used_lists.account_id
            AND list_overlap.observed_on = used_lists.observed_on
            AND losses.n_accepted = used_lists.n_accepted
)

SELECT
    limited_steps.platform,
    limited_steps.account_id,
    limited_steps.observed_on,
    limited_steps.is_declared_complete AND doubted_lists.observed_on IS NULL AS is_complete,
    limited_steps.list_people,
    limited_steps.list_people_before,
    limited_steps.list_people_found_again,
    limited_steps.lost_at_most AS list_loses_at_most,
    limited_steps.is_declared_complete
FROM limited_steps
LEFT JOIN doubted_lists
    ON
        limited_steps.platform = doubted_lists.platform
        AND limited_steps.account_id = doubted_lists.account_id
        AND limited_steps.observed_on = doubted_lists.observed_on
