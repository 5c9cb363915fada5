-- One row: the downloads without mirrors of a project, or of all of PyPI, on the day `end`, in all days from `start`, and in
-- the last seven of these. No row for an unknown project. database.py fills the names after a dollar sign.
-- Cost: one index look-up in projects, and a heap row per day; or the ledger's rows of those days.
SELECT recent.*
FROM ($known) AS known
CROSS JOIN LATERAL (
    SELECT coalesce(sum(downloads_without_mirrors) FILTER (WHERE day = %(end)s), 0)::bigint,
           coalesce(sum(downloads_without_mirrors), 0)::bigint,
           coalesce(sum(downloads_without_mirrors) FILTER (WHERE day > %(end)s::date - 7), 0)::bigint
    FROM $table
    WHERE $of AND day BETWEEN %(start)s AND %(end)s
) AS recent
