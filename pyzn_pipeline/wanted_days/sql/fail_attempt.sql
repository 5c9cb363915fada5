-- Stores why the attempt of :run_id at :day failed. Changes nothing if another run has begun or published the day
-- since: the failure is then out of date.
UPDATE pyzn.wanted SET
    failed_at = clock_timestamp(),
    reason = :reason,
    next_attempt_at = CASE WHEN :again THEN next_attempt_at END
WHERE day = :day AND run_id = :run_id
