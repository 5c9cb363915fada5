-- One row: the downloads of a project, all time and over the window; no row for an unknown project.
-- Cost: one index look-up in projects, and one heap row per day of the window.
SELECT total_downloads, (
    SELECT coalesce(sum(downloads), 0)::bigint
    FROM pyzn.project_days
    WHERE project = %(project)s AND day BETWEEN %(start)s AND %(end)s
)
FROM pyzn.projects
WHERE project = %(project)s
