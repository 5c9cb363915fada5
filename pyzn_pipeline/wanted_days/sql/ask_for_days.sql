-- Records that :asker asked for :days at :asked_at. Skips a day that has been read since then, and a day that
-- :asker wants already. Any other day starts a new series of attempts.
-- Rows are written in the order of days, as everywhere, so that two writers do not deadlock.
INSERT INTO pyzn.wanted AS known (day, asked_by, asked_at, next_attempt_at)
SELECT day, ARRAY[CAST(:asker AS text)], :asked_at, :asked_at
FROM unnest(CAST(:days AS date[])) AS asked (day)
WHERE NOT EXISTS (
    SELECT FROM pyzn.days WHERE days.day = asked.day AND (read_at >= :asked_at OR retired_at IS NOT NULL)
)
ORDER BY day
ON CONFLICT (day) DO UPDATE SET
    asked_by = known.asked_by || excluded.asked_by,
    asked_at = greatest(known.asked_at, excluded.asked_at),
    attempts = 0,
    failed_at = NULL,
    reason = NULL,
    next_attempt_at = excluded.next_attempt_at
WHERE NOT known.asked_by @> excluded.asked_by
