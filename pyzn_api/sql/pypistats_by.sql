-- One row: the downloads without mirrors per day and category of a project, of all of PyPI for '__all__', as members of
-- a JSON array, by category without regard to case, then oldest day first. `by` is python_major, python_minor or system;
-- `category` is one of them in lower case, or NULL for all.
-- Cost: one heap row per day of the window, whose document of a few dozen keys is taken apart; or the ledger's.
WITH daily (day, document) AS (
    SELECT day, CASE %(by)s::text WHEN 'system' THEN by_system ELSE by_python END
    FROM pyzn.project_days
    WHERE project = %(project)s AND day BETWEEN %(start)s AND %(end)s
    UNION ALL
    SELECT day, pypi_totals
    FROM pyzn.days JOIN pyzn.day_breakdowns USING (day)
    WHERE %(project)s = '__all__' AND day BETWEEN %(start)s AND %(end)s AND retired_at IS NULL
        AND breakdown = CASE %(by)s::text WHEN 'system' THEN 'system' ELSE 'python' END
), counted AS (
    SELECT day, sum(counted::bigint) AS downloads, CASE
               WHEN key = '(unknown)' THEN 'null'
               WHEN %(by)s::text = 'python_major' THEN split_part(key, '.', 1)
               WHEN %(by)s::text = 'system' AND key NOT IN ('Darwin', 'Linux', 'Windows') THEN 'other'
               ELSE key
           END AS category
    FROM daily, json_each_text(document) AS entry (key, counted)
    GROUP BY day, category
)
SELECT string_agg(
    concat('{"category":', to_json(category), ',"date":"', day, '","downloads":', downloads, '}'),
    ',' ORDER BY lower(category) COLLATE "C", day
)
FROM counted
WHERE %(category)s::text IS NULL OR lower(category) = %(category)s
