-- One row per word and place of a person it would count: what the audit said of those it looked at.
SELECT
    said.word AS candidate,
    person.in_segment,
    count(*) AS n_labels,
    sum(audit.weight) AS weight,
    sum(audit.weight * audit.weight) AS weight_squared,
    sum(audit.weight * audit.label) AS weight_right
FROM temp.suggest_word AS said
INNER JOIN temp.suggest_person AS person ON said.member_key = person.member_key
INNER JOIN temp.suggest_audit AS audit ON person.member_key = audit.member_key
WHERE NOT person.says_used
GROUP BY said.word, person.in_segment
