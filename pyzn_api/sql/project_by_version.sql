-- The parts of /api/v2/projects/{project} and of the admin route: one row of
--   total_downloads, the versions as a JSON array (each once, in no order), the days as JSON members
--   "day":{"version":n} oldest first; no row for an unknown project.
-- Cost: one index look-up in projects, one heap row per day of the window; documents are passed on as
-- text and read once for their keys.
WITH daily AS MATERIALIZED (
    SELECT day, by_version
    FROM pyzn.project_days
    WHERE project = %(project)s AND day BETWEEN %(start)s AND %(end)s
)
SELECT known.total_downloads,
       coalesce(
           (SELECT json_agg(DISTINCT version COLLATE "C") FROM daily, json_object_keys(by_version) AS version),
           '[]'
       ),
       (SELECT string_agg('"' || day || '":' || by_version, ',' ORDER BY day) FROM daily)
FROM pyzn.projects AS known
WHERE known.project = %(project)s
