-- One row per segment, platform, basis and set of accounts that reaches people. `account_people`: all whom each account
-- of the set reaches, in the order of `account_ids`; they do not add up, as most are in several sets.
WITH titles AS (
    SELECT segment_id, max(title) AS title FROM mart.segment_size
    GROUP BY segment_id
),

data_days AS (
    SELECT platform, basis, min(data_on) AS data_from, max(data_on) AS data_on
    FROM mart.segment_reach
    GROUP BY platform, basis
),

names AS (
    SELECT
        platform,
        map_from_entries(list((account_id, coalesce(name, handle, account_id)))) AS name_of
    FROM core.account
    GROUP BY platform
),

reached AS (
    SELECT
        segment_id,
        platform,
        basis,
        max(segment_people) AS segment_people,
        map_from_entries(list((account_id, reach_people))) AS people_of
    FROM mart.segment_reach
    GROUP BY segment_id, platform, basis
)

SELECT
    reach_signature.segment_id,
    coalesce(titles.title, reach_signature.segment_id) AS title,
    reach_signature.platform,
    reach_signature.basis,
    reach_signature.account_ids,
    [coalesce(names.name_of[one], one) FOR one IN reach_signature.account_ids] AS account_names,
    CAST(reach_signature.people AS BIGINT) AS people,
    [reached.people_of[one] FOR one IN reach_signature.account_ids] AS account_people,
    reached.segment_people,
    data_days.data_from,
    data_days.data_on
FROM mart.reach_signature
LEFT JOIN titles ON reach_signature.segment_id = titles.segment_id
LEFT JOIN data_days
    ON reach_signature.platform = data_days.platform AND reach_signature.basis = data_days.basis
LEFT JOIN names ON reach_signature.platform = names.platform
LEFT JOIN reached
    ON
        reach_signature.segment_id = reached.segment_id AND reach_signature.platform = reached.platform
        AND reach_signature.basis = reached.basis
ORDER BY segment_id, platform, basis, account_ids
