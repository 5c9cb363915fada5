-- One row: the ledger as a JSON array of [day, status, revision, downloads, projects, published_at, breakdowns that
-- the day holds], oldest day first; the latest ranking as [day, computed_from, missing days] or NULL; the time of the last import
-- that changed totals or NULL; and how many seconds after its beginning a day is late.
-- A retired day has no rows to answer from, and so is not in it. Read when the fingerprint has changed.
-- Cost: a pass over the ledger, about 600 KB of JSON after ten years.
SELECT coalesce(json_agg(json_build_array(day, status, revision, downloads, projects, published_at, held.breakdowns) ORDER BY day), '[]'),
       (SELECT json_build_array(day, computed_from, missing) FROM pyzn.rankings ORDER BY day DESC LIMIT 1),
       (SELECT extract(epoch FROM imported_at) FROM pyzn.baseline),
       (SELECT 86400 + extract(epoch FROM late_at)::bigint FROM pyzn.calendar)
FROM pyzn.days
LEFT JOIN (SELECT day, json_agg(breakdown) AS breakdowns FROM pyzn.day_breakdowns GROUP BY day) AS held USING (day)
WHERE retired_at IS NULL
