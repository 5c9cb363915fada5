-- Records that :asker asked for each of :days at its moment of :asked_at. That starts a new series of attempts. Skipped:
-- retired days; days that a person wants already, or that were read since that person asked; and for a recount, days that
-- somebody has asked for since.
-- Rows are written in the order of days, as everywhere, so that two writers do not deadlock.
INSERT INTO pyzn.wanted AS known (day, asked_by, asked_at, next_attempt_at)
SELECT day, ARRAY[CAST(:asker AS text)], moment, moment
FROM unnest(CAST(:days AS date[]), CAST(:asked_at AS timestamptz[])) AS asked (day, moment)
WHERE NOT EXISTS (
    SELECT FROM pyzn.days
    WHERE days.day = asked.day AND (retired_at IS NOT NULL OR read_at >= moment AND :asker <> 'recount')
)
ORDER BY day
ON CONFLICT (day) DO UPDATE SET
    asked_by = array_remove(known.asked_by, CAST(:asker AS text)) || excluded.asked_by,
    asked_at = greatest(known.asked_at, excluded.asked_at),
    attempts = 0,
    failed_at = NULL,
    reason = NULL,
    next_attempt_at = excluded.next_attempt_at
WHERE CASE WHEN :asker = 'recount' THEN known.asked_at < excluded.asked_at
      ELSE NOT known.asked_by @> excluded.asked_by END
