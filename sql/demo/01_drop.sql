-- One row per drop: its date and the first day of events it holds.
-- Dates step back a week from `until`; the events of all drops together are exactly the `days` asked for.

CREATE TABLE week_drop AS
SELECT
    getvariable('until') - weeks_back::INTEGER * 7 AS drop_on,
    greatest(
        getvariable('until') - weeks_back::INTEGER * 7 - 6, getvariable('until') - getvariable('days')::INTEGER + 1
    ) AS events_from
FROM range((getvariable('days') + 6) // 7) AS week (weeks_back)
ORDER BY drop_on;

-- The time between the first and the last list: who comes or goes does so within it.
SET VARIABLE first_drop = (SELECT min(drop_on) FROM week_drop);

SET VARIABLE span_days = (SELECT date_diff('day', min(drop_on), max(drop_on)) FROM week_drop);

-- 1 when the lists cover the whole story of 13 weeks, less for a shorter window, 0 for one drop.
SET VARIABLE story = (SELECT least(1.0::DOUBLE, getvariable('span_days') / 84.0::DOUBLE));
