-- The wanted days that are due for a run at :now and over before :today, newest first.
-- Costs a pass over pyzn.wanted, which holds unread days only.
SELECT wanted.day
FROM pyzn.wanted LEFT JOIN pyzn.days USING (day)
WHERE next_attempt_at <= :now AND wanted.day < :today AND days.retired_at IS NULL
ORDER BY day DESC
