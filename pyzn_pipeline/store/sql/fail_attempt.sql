-- Why the attempt of :run_id at :day published nothing. Nothing happens when another run has taken the day over,
-- or has published it since: this failure is then no longer the truth about the day.
UPDATE pyzn.wanted SET
    failed_at = clock_timestamp(),
    reason = :reason,
    next_attempt_at = CASE WHEN :again THEN next_attempt_at END
WHERE day = :day AND run_id = :run_id
