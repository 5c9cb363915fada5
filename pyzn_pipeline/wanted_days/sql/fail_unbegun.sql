-- The run :run_id failed with :reason. Each of its :days that it never began counts one attempt. The next attempt
-- waits for its pause of :pauses, as in begin_attempt.sql.
UPDATE pyzn.wanted SET
    attempts = attempts + 1,
    failed_at = clock_timestamp(),
    reason = 'day ' || day || ': ' || :reason,
    next_attempt_at = clock_timestamp() + (CAST(:pauses AS interval[]))[attempts + 1]
WHERE run_id IS DISTINCT FROM :run_id
  AND next_attempt_at IS NOT NULL
  AND day IN (SELECT day FROM pyzn.wanted WHERE day = ANY (CAST(:days AS date[])) ORDER BY day FOR UPDATE)
