-- One row per segment, platform, basis and account that stays: how many of those who keep us although accounts of
-- theirs close it still reaches. FROM mart.who_else(close := ['x:123'], critical_only := []), as mart.what_if.
-- still_reached_people counts whom one of the closing accounts reaches today, and this one as well: a person whom two
-- accounts that stay reach stands in both rows, and in rest_people once.
-- noqa: disable=capitalisation.types,capitalisation.literals
CREATE MACRO mart.who_else(close := [], critical_only := []) AS TABLE
    WITH asked_refs AS (
        SELECT closed.account_ref, bases.basis
        FROM (SELECT unnest(CAST(close AS VARCHAR[])) AS account_ref) AS closed
        CROSS JOIN (SELECT unnest(['follower', 'active', 'engaged']) AS basis) AS bases
        UNION
        SELECT unnest(CAST(critical_only AS VARCHAR[])) AS account_ref, 'engaged' AS basis
    ),

    -- An account answers to its id and, in any case of letters, to its handle; an id goes before another one's handle.
    own_refs AS (
        SELECT platform, account_id, platform || ':' || account_id AS account_ref FROM core.own_account
        WHERE is_open
    ),

    open_own_accounts AS (
        SELECT platform, account_id, account_ref FROM own_refs
        UNION
        SELECT
            own_account.platform,
            own_account.account_id,
            lower(own_account.platform || ':' || own_account.handle) AS account_ref
        FROM core.own_account
        WHERE
            own_account.is_open
            AND lower(own_account.platform || ':' || own_account.handle) NOT IN (SELECT account_ref FROM own_refs)
    ),

    gone AS (
        SELECT
            open_own_accounts.platform,
            asked_refs.basis,
            array_agg(open_own_accounts.account_id) AS account_ids
        FROM asked_refs
        INNER JOIN open_own_accounts
            ON
                asked_refs.account_ref = open_own_accounts.account_ref
                OR lower(asked_refs.account_ref) = open_own_accounts.account_ref
        GROUP BY open_own_accounts.platform, asked_refs.basis
    ),

    touched_signatures AS (
        SELECT
            reach_signature.segment_id,
            reach_signature.platform,
            reach_signature.basis,
            CAST(reach_signature.people AS DECIMAL(18, 6)) AS people,
            reach_signature.account_ids,
            gone.account_ids AS gone_ids
        FROM mart.reach_signature
        INNER JOIN gone ON reach_signature.platform = gone.platform AND reach_signature.basis = gone.basis
        WHERE
            list_has_any(reach_signature.account_ids, gone.account_ids)
            AND NOT list_has_all(gone.account_ids, reach_signature.account_ids)
    ),

    rests AS (
        SELECT segment_id, platform, basis, sum(people) AS rest_people
        FROM touched_signatures
        GROUP BY segment_id, platform, basis
    ),

    stays AS (
        SELECT segment_id, platform, basis, unnest(account_ids) AS account_id, gone_ids, people
        FROM touched_signatures
    )

    SELECT
        stays.segment_id,
        stays.platform,
        stays.basis,
        stays.account_id,
        CAST(sum(stays.people) AS DOUBLE) AS still_reached_people,
        CAST(min(rests.rest_people) AS DOUBLE) AS rest_people
    FROM stays
    INNER JOIN rests
        ON stays.segment_id = rests.segment_id AND stays.platform = rests.platform AND stays.basis = rests.basis
    WHERE NOT list_contains(stays.gone_ids, stays.account_id)
    GROUP BY stays.segment_id, stays.platform, stays.basis, stays.account_id
