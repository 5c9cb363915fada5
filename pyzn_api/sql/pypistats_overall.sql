-- One row: the downloads per day of a project, or of all of PyPI, as members of a JSON array: those with mirrors if
-- `with_mirrors`, then those without if `without_mirrors`, each oldest day first. No row for an unknown project. database.py
-- fills the names after a dollar sign.
-- Cost: one index look-up in projects, and one heap row per day of the window; or the ledger's rows of those days.
SELECT (
    SELECT string_agg(
        concat('{"category":"', category, '","date":"', day, '","downloads":', counted, '}'), ',' ORDER BY category, day
    )
    FROM $table, LATERAL (
        VALUES ('with_mirrors', downloads, %(with_mirrors)s::boolean),
               ('without_mirrors', downloads_without_mirrors, %(without_mirrors)s::boolean)
    ) AS entry (category, counted, wanted)
    WHERE wanted AND counted > 0 AND $of AND day BETWEEN %(start)s AND %(end)s
)
FROM ($known) AS known
