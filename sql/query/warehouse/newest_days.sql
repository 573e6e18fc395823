-- One row: the newest delivery and the newest follower list that a state holds, as text.
SELECT
    (SELECT CAST(max(snapshot_on) AS VARCHAR) FROM last_snapshot.meta.delivery) AS delivery_on,
    (SELECT CAST(max(observed_on) AS VARCHAR) FROM last_snapshot.core.list_reading) AS follower_list_on
