-- A list that its sender verified as empty has no rows, so the manifest is the evidence that it was read.
INSERT INTO stg.empty_list
SELECT
    $delivery_id,
    platform,
    account_id,
    CAST($snapshot_on AS DATE) AS observed_on
FROM ref.account
WHERE platform = $platform AND account_id = $account_id
