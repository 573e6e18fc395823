-- No rows: contacts that name the main account on X do not fall: what 11_contact took away by and by is given back.
UPDATE contact
SET n = round(
    n / (1 - 0.60 * greatest(0, 1 - date_diff('day', day, getvariable('until')) / 90))
)::INTEGER
WHERE
    platform = 'x' AND account_id = (SELECT account_id FROM account WHERE platform = 'x' AND handle = 'ThornmerePolice');
