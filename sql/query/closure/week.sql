-- One row per segment, measure and week before the closure: people for whom the measure holds, of the closed account's
-- audience and of all controls' together.
WITH weeks AS (
    SELECT unnest(range(getvariable('closure_n_before'))) AS week_no
)

SELECT
    closure_measured.segment_id,
    closure_measured.measure,
    weeks.week_no,
    sum(
        CASE
            WHEN closure_measured.account_id IS NOT NULL
                THEN closure_measured.p * ((closure_measured.weeks >> weeks.week_no) & 1)
            ELSE 0
        END
    ) AS audience_people,
    sum(
        CASE
            WHEN closure_measured.account_id IS NULL
                THEN closure_measured.p * ((closure_measured.weeks >> weeks.week_no) & 1)
            ELSE 0
        END
    ) AS control_people
FROM closure_measured
CROSS JOIN weeks
WHERE closure_measured.account_id IS NULL OR closure_measured.account_id = getvariable('closure_account')
GROUP BY closure_measured.segment_id, closure_measured.measure, weeks.week_no
ORDER BY closure_measured.segment_id, closure_measured.measure, weeks.week_no
