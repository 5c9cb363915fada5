-- A recount asks for the published days in :days, which must be read again from the mirror, unless somebody has asked
-- for the day since its index was written (:written_at).
INSERT INTO pyzn.wanted AS known (day, asked_by, asked_at, next_attempt_at)
SELECT day, '{recount}', clock_timestamp(), clock_timestamp()
FROM unnest(CAST(:days AS date[])) AS newer (day)
ORDER BY day
ON CONFLICT (day) DO UPDATE SET
    asked_by = array_remove(known.asked_by, 'recount') || excluded.asked_by,
    asked_at = excluded.asked_at,
    attempts = 0,
    failed_at = NULL,
    reason = NULL,
    next_attempt_at = excluded.next_attempt_at
WHERE known.asked_at < :written_at
