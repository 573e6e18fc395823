-- One row per segment, platform, audit and measure: what labels of a sample say of the segment, weighted to its people.
-- Only the current audit counts in membership; an edit of the definition ends it until the next.
SELECT
    CAST(getvariable('as_of') AS DATE) AS as_of,
    measure.segment_id,
    measure.platform,
    measure.audit_id,
    measure.labelled_on,
    in_force.audit_id IS NOT NULL AS is_in_force,
    measure.n_labels,
    measure.n_unsure,
    measure.measure,
    measure.estimate,
    measure.estimate_lo,
    measure.estimate_hi,
    measure.change_since_last,
    measure.change_lo,
    measure.change_hi,
    measure.has_drifted
FROM ref.audit_measure AS measure
LEFT JOIN ref.segment_audit AS in_force
    ON
        measure.audit_id = in_force.audit_id
        AND measure.segment_id = in_force.segment_id
        AND in_force.in_force_from <= getvariable('as_of')
        AND in_force.in_force_to > getvariable('as_of')
