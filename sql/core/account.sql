-- One row per account we own or whose followers help define a community.
-- An account counts on its opening day and no longer on its closing day.
SELECT
    platform,
    account_id,
    handle,
    name,
    role,
    purpose,
    opened_on,
    closed_on,
    coalesce(opened_on <= getvariable('as_of'), true) AND coalesce(closed_on > getvariable('as_of'), true) AS is_open
FROM ref.account
