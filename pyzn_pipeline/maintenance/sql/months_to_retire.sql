-- The months (their first days) to retire: they have published days, all before :before. Oldest first.
SELECT date_trunc('month', day)::date AS month
FROM pyzn.days
WHERE retired_at IS NULL
GROUP BY date_trunc('month', day)
HAVING date_trunc('month', day) + interval '1 month' <= CAST(:before AS timestamp)
ORDER BY month
