-- One row per backfill that Dagster ended early and that still has wanted days: its id, the reason, and those days
-- in order. Newest first.
SELECT id, failure, array_agg(day ORDER BY day) AS days
FROM pyzn.requests JOIN pyzn.wanted ON wanted.asked_by @> ARRAY[requests.id]
WHERE failure IS NOT NULL AND id LIKE 'backfill %'
GROUP BY id
ORDER BY max(requests.asked_at) DESC
