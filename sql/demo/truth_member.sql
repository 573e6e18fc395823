-- One row per member of the planted county that appears in the files.
-- left_on: first day in no list any more; joined_on: first day in any, null for those there from the start.
SELECT
    platform,
    member_id,
    community,
    district,
    left_on,
    joined_on
FROM member
