-- One row per UTC day that was tried since it was last published, in order. `failed` is false while a try goes on
-- (and after one that died, which is soon tried again); `given_up` means not again without hands.
-- Costs a scan of pyzn.attempts, which holds such days only.
SELECT day, attempts, run_id, reason, next_attempt_at, failed, failed AND next_attempt_at IS NULL AS given_up
FROM (
    SELECT *, failed_at IS NOT NULL OR next_attempt_at IS NULL AND asked_at < now() - interval '6 hours' AS failed
    FROM pyzn.attempts
    WHERE attempts > 0
) AS tried
ORDER BY day
