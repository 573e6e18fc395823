-- One row per account and person who followed it when the first week begins: its audience, fixed beforehand.
CREATE OR REPLACE TEMP TABLE closure_cohort AS
SELECT DISTINCT account_id, member_key
FROM core.follow
WHERE
    platform = getvariable('closure_platform')
    AND list_contains(getvariable('closure_accounts'), account_id)
    AND first_seen_on <= getvariable('closure_start')
    AND coalesce(ended_on > getvariable('closure_start'), TRUE)
