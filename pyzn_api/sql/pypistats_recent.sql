-- One row: the downloads without mirrors of a project in the day, the month (30 days) and the week (7 days) that end
-- with `end`; of all of PyPI for '__all__'. No row for a project nobody has heard of.
-- Cost: one index look-up in projects, and 30 heap rows; or 30 rows of the ledger.
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
