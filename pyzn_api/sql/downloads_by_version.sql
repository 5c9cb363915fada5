-- The body of the pro downloads routes: one row, the finished JSON with days oldest first; no row for
-- a project nobody has heard of.
-- Cost: one index look-up in projects, one heap row per day; documents are passed on as text.
SELECT '{"downloads":{' || coalesce(daily.entries, '') || '}}'
FROM pyzn.projects AS known,
     LATERAL (
         SELECT string_agg('"' || day || '":' || document, ',' ORDER BY day) AS entries
         FROM pyzn.packed_by_version
         WHERE project = known.project AND day BETWEEN %(start)s AND %(end)s
     ) AS daily
WHERE known.project = %(project)s
