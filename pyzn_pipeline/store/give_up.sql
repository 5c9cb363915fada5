-- The attempts at :day are over, and why.
UPDATE pyzn.attempts SET failed_at = clock_timestamp(), reason = :reason, next_attempt_at = NULL WHERE day = :day
