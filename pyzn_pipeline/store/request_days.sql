-- The run :run_id has been asked for :days; if it dies before it comes to one of them, that day is asked for again.
INSERT INTO pyzn.attempts AS known (day, run_id, attempts, asked_at, next_attempt_at)
SELECT day, :run_id, 0, clock_timestamp(), clock_timestamp() + interval '1 minute'
FROM unnest(CAST(:days AS date[])) AS day
ON CONFLICT (day) DO UPDATE SET
    run_id = excluded.run_id, asked_at = excluded.asked_at,
    next_attempt_at = CASE WHEN known.attempts < :most THEN excluded.next_attempt_at END
