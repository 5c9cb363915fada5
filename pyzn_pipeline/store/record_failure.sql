-- Why the last attempt at :day published nothing.
INSERT INTO pyzn.failures (day, run_id, failed_at, reason)
VALUES (:day, :run_id, clock_timestamp(), :reason)
ON CONFLICT (day) DO UPDATE SET run_id = excluded.run_id, failed_at = excluded.failed_at, reason = excluded.reason
