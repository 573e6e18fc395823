-- One row per account, segment and basis: who is lost if the account closes.
SELECT
    platform, account_id, segment_id, basis, reach_people, net_reach_people, lost_people,
    lost_visitor_people
FROM mart.closure_effect
ORDER BY segment_id = 'everyone', segment_id, basis
