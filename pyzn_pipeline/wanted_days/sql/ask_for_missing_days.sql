-- The calendar asks for the missing days from :repair_from to :last. If :repair_from is NULL, it starts when PyZn
-- first published anything, 31 days back at most. Days that are wanted, given up or canceled are not changed.
-- Costs a pass over the ledger.
INSERT INTO pyzn.wanted (day, asked_by, asked_at, next_attempt_at)
SELECT calendar.day::date, '{calendar}', :now, :now
FROM generate_series(
    coalesce(
        CAST(:repair_from AS date),
        (SELECT greatest((min(published_at) AT TIME ZONE 'UTC')::date - 1, CAST(:last AS date) - 31)
         FROM pyzn.days HAVING count(*) > 0)
    )::timestamp,
    CAST(:last AS date)::timestamp,
    interval '1 day'
) AS calendar (day)
WHERE NOT EXISTS (SELECT FROM pyzn.days WHERE days.day = calendar.day)
  AND NOT EXISTS (SELECT FROM pyzn.retired_months WHERE month = date_trunc('month', calendar.day))
ORDER BY 1
ON CONFLICT (day) DO NOTHING
