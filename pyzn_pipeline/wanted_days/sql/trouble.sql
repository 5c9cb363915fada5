-- One row per UTC day that is wanted and was tried, or given up before any attempt, in order. `failed` is false
-- while an attempt runs, and after a run died, until it is tried again. `given_up`: not tried again unless a person
-- asks.
-- Costs a pass over pyzn.wanted, which holds unread days only.
SELECT day, attempts, run_id, reason, next_attempt_at, state IN ('failed', 'given up') AS failed, state = 'given up' AS given_up
FROM pyzn.wanted_days
WHERE (attempts > 0 OR failed_at IS NOT NULL) AND state <> 'canceled'
ORDER BY day
