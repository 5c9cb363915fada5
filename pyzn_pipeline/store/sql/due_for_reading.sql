-- The wanted days that are to be asked for at :now, newest first.
-- Costs a pass over pyzn.wanted, which holds such days only.
SELECT wanted.day
FROM pyzn.wanted LEFT JOIN pyzn.days USING (day)
WHERE next_attempt_at <= :now AND days.retired_at IS NULL
ORDER BY day DESC
