-- One row: the downloads without mirrors per day and category of a project, or of all of PyPI, as members of a JSON array,
-- by category without regard to case, then oldest day first. `kind` is python_major, python_minor or system; `category` is
-- one of them in lower case, or NULL for all. database.py fills the names after a dollar sign.
-- Cost: one heap row per day of the window, whose document of a few dozen keys is taken apart; or the ledger's.
SELECT string_agg(
    concat('{"category":', to_json(category), ',"date":"', day, '","downloads":', downloads, '}'),
    ',' ORDER BY lower(category) COLLATE "C", day
)
FROM (
    SELECT day, sum(counted::bigint) AS downloads, CASE
               WHEN key = '(unknown)' THEN 'null'
               WHEN %(kind)s::text = 'python_major' THEN split_part(key, '.', 1)
               WHEN %(kind)s::text = 'system' AND key NOT IN ('Darwin', 'Linux', 'Windows') THEN 'other'
               ELSE key
           END AS category
    FROM $table, json_each_text($document) AS entry (key, counted)
    WHERE $of AND day BETWEEN %(start)s AND %(end)s
    GROUP BY day, category
) AS counted
WHERE %(category)s::text IS NULL OR lower(category) = %(category)s
