-- One row per segment, platform, basis and band of distance from home: whom we reach today, who is lost if accounts
-- close, and who is kept. FROM mart.what_if(close := ['x:123', 'x:handle'], critical_only := ['x:789']).
-- An account cut back to critical updates keeps its followers, who still hear what is critical: follower and active
-- keep it. Nobody answers there from day to day: engaged loses it.
-- only_together_people are lost by closing all of them and by no single closure: two accounts or more reach them, and
-- all of those go. lost_variance adds up over rows, bounds do not: those of a total are
-- total -/+ 1.959963984540054 x sqrt(its variance).
-- Nobody is matched between platforms: a sum over platforms counts somebody on two of them twice.
-- noqa: disable=capitalisation.types,capitalisation.literals
CREATE MACRO mart.what_if(close := [], critical_only := []) AS TABLE
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

    -- A slip of the pen must not read as "nobody is lost".
    unknown_refs AS (
        SELECT
            CASE
                WHEN count(*) > 0
                    THEN error('what_if: ' || min(asked_refs.account_ref) || ' is no open account of ours')
            END AS no_error
        FROM asked_refs
        LEFT JOIN open_own_accounts
            ON
                asked_refs.account_ref = open_own_accounts.account_ref
                OR lower(asked_refs.account_ref) = open_own_accounts.account_ref
        WHERE open_own_accounts.account_ref IS NULL
    ),

    gone AS (
        SELECT
            open_own_accounts.platform,
            asked_refs.basis,
            array_agg(open_own_accounts.account_id) AS account_ids,
            bool_or(segment_reach.reach_people IS NOT NULL) AS is_measured,
            string_agg(
                asked_refs.account_ref || ' ' || segment_reach.reach_reason, '; ' ORDER BY asked_refs.account_ref
            ) AS lost_reason
        FROM asked_refs
        INNER JOIN open_own_accounts
            ON
                asked_refs.account_ref = open_own_accounts.account_ref
                OR lower(asked_refs.account_ref) = open_own_accounts.account_ref
        LEFT JOIN mart.segment_reach
            ON
                open_own_accounts.platform = segment_reach.platform
                AND open_own_accounts.account_id = segment_reach.account_id
                AND asked_refs.basis = segment_reach.basis
                AND segment_reach.segment_id = 'everyone'
        GROUP BY open_own_accounts.platform, asked_refs.basis
    ),

    signatures AS (
        SELECT
            home_signature.segment_id,
            home_signature.platform,
            home_signature.basis,
            home_signature.home_band,
            CAST(home_signature.people AS DECIMAL(18, 6)) AS people,
            CAST(home_signature.people_variance AS DECIMAL(18, 6)) AS people_variance,
            home_signature.n_members,
            len(home_signature.account_ids) AS n_accounts,
            n_accounts > 0 AND coalesce(list_has_all(gone.account_ids, home_signature.account_ids), false) AS is_lost
        FROM core.home_signature
        LEFT JOIN gone ON home_signature.platform = gone.platform AND home_signature.basis = gone.basis
    ),

    sums AS (
        SELECT
            segment_id,
            platform,
            basis,
            home_band,
            sum(CASE WHEN n_accounts > 0 THEN people ELSE 0 END) AS reach_people,
            sum(CASE WHEN is_lost THEN people ELSE 0 END) AS lost_people,
            sum(CASE WHEN is_lost THEN people_variance ELSE 0 END) AS lost_variance,
            sum(CASE WHEN is_lost THEN n_members ELSE 0 END) AS n_lost_members,
            sum(CASE WHEN is_lost AND n_accounts > 1 THEN people ELSE 0 END) AS only_together_people
        FROM signatures
        GROUP BY segment_id, platform, basis, home_band
    ),

    -- Where no list of people came for the platform at all, the question has no answer, and says so in one row.
    without_lists AS (
        SELECT 'everyone' AS segment_id, gone.platform, gone.basis, gone.lost_reason
        FROM gone
        ANTI JOIN sums ON gone.platform = sums.platform AND gone.basis = sums.basis
    )

    SELECT
        sums.segment_id,
        sums.platform,
        sums.basis,
        sums.home_band,
        CAST(sums.reach_people AS DOUBLE) AS reach_people,
        CASE WHEN is_known THEN CAST(sums.lost_people AS DOUBLE) END AS lost_people,
        CASE WHEN is_known THEN greatest(0, sums.lost_people - 1.959963984540054 * sqrt(sums.lost_variance)) END
            AS lost_people_lo,
        CASE
            WHEN is_known
                THEN least(sums.n_lost_members, sums.lost_people + 1.959963984540054 * sqrt(sums.lost_variance))
        END AS lost_people_hi,
        CASE WHEN is_known THEN CAST(sums.lost_variance AS DOUBLE) END AS lost_variance,
        CASE WHEN is_known THEN CAST(sums.reach_people - sums.lost_people AS DOUBLE) END AS kept_people,
        CASE WHEN is_known THEN CAST(sums.only_together_people AS DOUBLE) END AS only_together_people,
        gone.lost_reason
    FROM sums
    CROSS JOIN unknown_refs
    LEFT JOIN gone ON sums.platform = gone.platform AND sums.basis = gone.basis
    CROSS JOIN LATERAL (SELECT coalesce(gone.is_measured, true) AND unknown_refs.no_error IS NULL AS is_known) AS known
    UNION ALL
    SELECT
        segment_id,
        platform,
        basis,
        'unknown' AS home_band,
        CAST(NULL AS DOUBLE) AS reach_people,
        CAST(NULL AS DOUBLE) AS lost_people,
        CAST(NULL AS DOUBLE) AS lost_people_lo,
        CAST(NULL AS DOUBLE) AS lost_people_hi,
        CAST(NULL AS DOUBLE) AS lost_variance,
        CAST(NULL AS DOUBLE) AS kept_people,
        CAST(NULL AS DOUBLE) AS only_together_people,
        coalesce(lost_reason, 'no extract') AS lost_reason
    FROM without_lists
