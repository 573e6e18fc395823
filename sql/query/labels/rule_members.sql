-- One row per person in the segment by rules on the day of the sample.
SELECT DISTINCT member_key
FROM core.segment_evidence
WHERE
    evidence = 'rule'
    AND spell_from <= getvariable('as_of')
    AND least(spell_to, in_force_to) > getvariable('as_of')
