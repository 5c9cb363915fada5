-- The run :run_id begins :day. If it dies, the next attempt follows after the pause of :pauses for this attempt; there is
-- none after the last, or if the request was canceled meanwhile.
INSERT INTO pyzn.wanted AS known (day, run_id, asked_by, attempts, asked_at, next_attempt_at)
VALUES (:day, :run_id, ARRAY['run ' || :run_id], 1, clock_timestamp(), clock_timestamp() + (CAST(:pauses AS interval[]))[1])
ON CONFLICT (day) DO UPDATE SET
    run_id = excluded.run_id,
    attempts = known.attempts + 1,
    failed_at = NULL,
    reason = NULL,
    next_attempt_at = CASE WHEN known.asked_by <> '{}' THEN
        clock_timestamp() + (CAST(:pauses AS interval[]))[known.attempts + 1] END
