-- One row per backfill that Dagster ended before its work was done and that has days that are still wanted:
-- its id, why it was ended, and those days in order; the newest first.
SELECT id, failure, array_agg(day ORDER BY day) AS days
FROM pyzn.requests JOIN pyzn.wanted ON wanted.asked_by @> ARRAY[requests.id]
WHERE failure IS NOT NULL AND id LIKE 'backfill %'
GROUP BY id
ORDER BY max(requests.asked_at) DESC
