-- One row per segment, platform, basis, band of distance from home and set of our open accounts: how many of the
-- segment's people exactly that set reaches. People whom no account reaches stand under the empty set.
-- People who declare no place, or none that can be placed, stand under 'unknown'. That is about half of all people, so
-- a share of visitors is a share of those who declared a place. Sets never cross platforms: nobody is matched there.
-- Probabilities are added as decimals, so that the order of rows cannot change the last digit.
SELECT
    CAST(getvariable('as_of') AS DATE) AS as_of,
    segment_person.segment_id,
    segment_person.platform,
    measured_basis.basis,
    coalesce(member_home.home_band, 'unknown') AS home_band,
    coalesce(reach_set.account_ids, []) AS account_ids,
    count(*) AS n_members,
    CAST(sum(CAST(segment_person.membership_probability AS DECIMAL(18, 6))) AS DOUBLE) AS people,
    CAST(
        sum(
            CAST(
                segment_person.membership_probability * (1 - segment_person.membership_probability)
                AS DECIMAL(18, 6)
            )
        )
        AS DOUBLE
    ) AS people_variance
FROM core.segment_person
INNER JOIN core.measured_basis ON segment_person.platform = measured_basis.platform
LEFT JOIN core.reach_set
    ON measured_basis.basis = reach_set.basis AND segment_person.member_key = reach_set.member_key
LEFT JOIN core.member_home ON segment_person.member_key = member_home.member_key
WHERE segment_person.is_current
GROUP BY
    segment_person.segment_id,
    segment_person.platform,
    measured_basis.basis,
    coalesce(member_home.home_band, 'unknown'),
    coalesce(reach_set.account_ids, [])
