-- The days to ask for at :now, newest first, with the run that had them before, if one had:
-- - asked for, and nothing came of it: the run died or failed, and the time of the next attempt is there;
-- - missing since :heal_from, up to :last; if that is NULL since PyZn first published anything, 31 days at the most;
-- - published, but the source has more of them now, and nobody has tried since that was found.
-- Costs a pass over the ledger.
SELECT day, attempts.run_id
FROM pyzn.attempts LEFT JOIN pyzn.days USING (day)
WHERE attempts.next_attempt_at <= :now AND days.retired_at IS NULL
UNION ALL
SELECT calendar.day::date, NULL
FROM generate_series(
    coalesce(
        CAST(:heal_from AS date),
        (SELECT greatest((min(published_at) AT TIME ZONE 'UTC')::date - 1, CAST(:last AS date) - 31)
         FROM pyzn.days HAVING count(*) > 0)
    )::timestamp,
    CAST(:last AS date)::timestamp,
    interval '1 day'
) AS calendar (day)
WHERE NOT EXISTS (SELECT FROM pyzn.days WHERE days.day = calendar.day)
  AND NOT EXISTS (SELECT FROM pyzn.attempts WHERE attempts.day = calendar.day)
  AND NOT EXISTS (SELECT FROM pyzn.retired_months WHERE month = date_trunc('month', calendar.day))
UNION ALL
SELECT day, NULL
FROM pyzn.days
WHERE source_recount > source_downloads AND retired_at IS NULL
  AND NOT EXISTS (SELECT FROM pyzn.attempts WHERE attempts.day = days.day AND asked_at > recounted_at)
ORDER BY day DESC
