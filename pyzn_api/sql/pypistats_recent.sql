-- One row: the downloads without mirrors of a project on the day `end`, in all days from `start`, and in the last seven of
-- these; of all of PyPI for '__all__'. No row for an unknown project.
-- Cost: one index look-up in projects, and a heap row per day; or the ledger's rows of those days.
SELECT recent.*
FROM (
    SELECT 1 FROM pyzn.projects WHERE project = %(project)s
    UNION ALL
    SELECT 1 WHERE %(project)s = '__all__'
) AS known
CROSS JOIN LATERAL (
    SELECT coalesce(sum(downloads) FILTER (WHERE day = %(end)s), 0)::bigint,
           coalesce(sum(downloads), 0)::bigint,
           coalesce(sum(downloads) FILTER (WHERE day > %(end)s::date - 7), 0)::bigint
    FROM (
        SELECT day, downloads_without_mirrors
        FROM pyzn.project_days
        WHERE project = %(project)s AND day BETWEEN %(start)s AND %(end)s
        UNION ALL
        SELECT day, downloads_without_mirrors
        FROM pyzn.days
        WHERE %(project)s = '__all__' AND day BETWEEN %(start)s AND %(end)s AND retired_at IS NULL
    ) AS daily (day, downloads)
) AS recent
