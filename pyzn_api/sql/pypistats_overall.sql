-- One row: the downloads per day of a project, of all of PyPI for '__all__', as members of a JSON array: those with
-- mirrors if `with_mirrors`, then those without if `without_mirrors`, each oldest day first. No row for an unknown project.
-- Cost: one index look-up in projects, and one heap row per day of the window; or the ledger's rows of those days.
WITH daily (day, downloads, without_mirrors) AS (
    SELECT day, downloads, downloads_without_mirrors
    FROM pyzn.project_days
    WHERE project = %(project)s AND day BETWEEN %(start)s AND %(end)s
    UNION ALL
    SELECT day, downloads, downloads_without_mirrors
    FROM pyzn.days
    WHERE %(project)s = '__all__' AND day BETWEEN %(start)s AND %(end)s AND retired_at IS NULL
)
SELECT (
    SELECT string_agg(
        concat('{"category":"', category, '","date":"', day, '","downloads":', counted, '}'), ',' ORDER BY category, day
    )
    FROM daily, LATERAL (
        VALUES ('with_mirrors', downloads, %(with_mirrors)s::boolean),
               ('without_mirrors', without_mirrors, %(without_mirrors)s::boolean)
    ) AS entry (category, counted, wanted)
    WHERE wanted AND counted > 0
)
FROM (
    SELECT 1 FROM pyzn.projects WHERE project = %(project)s
    UNION ALL
    SELECT 1 WHERE %(project)s = '__all__'
) AS known
