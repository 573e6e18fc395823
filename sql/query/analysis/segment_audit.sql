-- One row per place, in the segment or out of it: what the audit said of everybody it looked at there.
SELECT
    'everybody' AS candidate,
    person.in_segment,
    count(*) AS n_labels,
    sum(audit.weight) AS weight,
    sum(audit.weight * audit.weight) AS weight_squared,
    sum(audit.weight * audit.label) AS weight_right
FROM temp.suggest_person AS person
INNER JOIN temp.suggest_audit AS audit ON person.member_key = audit.member_key
GROUP BY person.in_segment
