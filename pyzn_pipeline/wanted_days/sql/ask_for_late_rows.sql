-- A recount asks for the published days for which it found more rows at the source, unless somebody has asked for
-- the day since that recount.
-- Costs a pass over the ledger.
INSERT INTO pyzn.wanted AS known (day, asked_by, asked_at, next_attempt_at)
SELECT day, '{recount}', recounted_at, recounted_at
FROM pyzn.days
WHERE source_recount > source_downloads AND retired_at IS NULL
ORDER BY day
ON CONFLICT (day) DO UPDATE SET
    asked_by = array_remove(known.asked_by, 'recount') || excluded.asked_by,
    asked_at = excluded.asked_at,
    attempts = 0,
    failed_at = NULL,
    reason = NULL,
    next_attempt_at = excluded.next_attempt_at
WHERE known.asked_at < excluded.asked_at
