-- The run :run_id begins :day. If it dies, the next attempt follows after 1, 4, 16, … minutes, at most 6 hours. There
-- is no next attempt after :most attempts, or if the day was taken back meanwhile.
INSERT INTO pyzn.wanted AS known (day, run_id, asked_by, attempts, asked_at, next_attempt_at)
VALUES (:day, :run_id, ARRAY['run ' || :run_id], 1, clock_timestamp(), clock_timestamp() + interval '1 minute')
ON CONFLICT (day) DO UPDATE SET
    run_id = excluded.run_id,
    attempts = known.attempts + 1,
    failed_at = NULL,
    reason = NULL,
    next_attempt_at = CASE WHEN known.attempts + 1 < :most AND known.asked_by <> '{}' THEN
        clock_timestamp() + least(interval '1 minute' * 4 ^ known.attempts, interval '6 hours') END
