-- The days from which another definition holds for :count, since one begins or the one before has ended; in order.
-- A pass over a table of a few rows.
SELECT first AS day FROM pyzn.events WHERE kind = 'definition' AND :count = ANY (touches)
UNION
SELECT last + 1 FROM pyzn.events WHERE kind = 'definition' AND :count = ANY (touches) AND last IS NOT NULL
ORDER BY day
