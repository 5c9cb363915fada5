-- The days to ask for at :now, newest first, with the run that had them before, if one had:
-- - asked for, and nothing came of it: the run died or failed, and the time of the next attempt is there;
-- - missing since :heal_from (if that is NULL: since the first published day, or 31 days before :last), up to :last;
-- - published, but the source has more of them now.
-- Costs a pass over the ledger.
SELECT day, attempts.run_id
FROM pyzn.attempts LEFT JOIN pyzn.days USING (day)
WHERE attempts.next_attempt_at <= :now AND days.retired_at IS NULL
UNION ALL
SELECT calendar.day::date, NULL
FROM generate_series(
    coalesce(CAST(:heal_from AS date), greatest((SELECT min(day) FROM pyzn.days), CAST(:last AS date) - 31))::timestamp,
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
  AND NOT EXISTS (SELECT FROM pyzn.attempts WHERE attempts.day = days.day)
ORDER BY day DESC
