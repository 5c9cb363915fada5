-- The events that touch the days from :first to :last, in order of their first days. One without a last day touches its
-- first. A pass over a table of a few rows.
SELECT id, kind, first, last, touches, effect, sources, own
FROM pyzn.events
WHERE first <= :last AND coalesce(last, first) >= :first
ORDER BY first, id
