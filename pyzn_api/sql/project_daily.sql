-- The body of /api/projects/{project}: one row, the finished JSON with days newest first; no row for
-- an unknown project.
-- Cost: one index look-up in projects, and one heap row per day of the window.
SELECT '{"id":' || to_json(known.project)
    || ',"total_downloads":' || known.total_downloads
    || ',"downloads":{' || coalesce(daily.entries, '') || '}}'
FROM pyzn.projects AS known,
     LATERAL (
         SELECT string_agg('"' || day || '":' || downloads, ',' ORDER BY day DESC) AS entries
         FROM pyzn.project_days
         WHERE project = %(project)s AND day BETWEEN %(start)s AND %(end)s
     ) AS daily
WHERE known.project = %(project)s
