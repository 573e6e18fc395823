-- No rows: the county with its story turned round, for tests. The roads policing unit and the bikers' account trade
-- places: the unit posts daily and riders follow it, the bikers' account is all but silent and whoever follows it
-- follows the unit or the main account as well.
-- Only what the two accounts do changes hands; ids, handles and names stay.
CREATE MACRO other_of_two(handle) AS CASE handle
    WHEN 'TMP_Roads' THEN 'TMP_Bikers' WHEN 'TMP_Bikers' THEN 'TMP_Roads' ELSE handle
END;

UPDATE own_voice SET handle = other_of_two(handle) WHERE platform = 'x';

UPDATE own_appeal SET handle = other_of_two(handle) WHERE platform = 'x';

UPDATE account
SET topic = own_voice.topic, posts_per_day = own_voice.posts_per_day
FROM own_voice
WHERE
    account.role = 'own' AND account.platform = own_voice.platform AND account.handle = own_voice.handle;
