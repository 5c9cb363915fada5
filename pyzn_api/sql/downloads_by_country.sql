-- The body of the country route: one row, the finished JSON with days oldest first and each day's
-- countries by most downloads, then code; no row for an unknown project. `codes` is a JSON
-- object from the tables' codes to the answer's; a code it lacks is passed on, and those with one name are one.
-- Cost: one index look-up in projects, one heap row per day, a sort of about 200 countries per day.
SELECT '{"downloads":{' || coalesce(daily.entries, '') || '}}'
FROM pyzn.projects AS known,
     LATERAL (
         SELECT string_agg(
             '"' || day || '":[' || (
                 SELECT string_agg(
                     '{"country":' || to_json(code) || ',"downloads":' || downloads || '}',
                     ',' ORDER BY downloads DESC, code COLLATE "C"
                 )
                 FROM (
                     SELECT coalesce(%(codes)s::jsonb ->> country, country), sum(counted::bigint)
                     FROM json_each_text(by_country) AS entry (country, counted)
                     GROUP BY 1
                 ) AS named (code, downloads)
             ) || ']',
             ',' ORDER BY day
         ) AS entries
         FROM pyzn.project_days
         WHERE project = %(project)s AND day BETWEEN %(start)s AND %(end)s
     ) AS daily
WHERE known.project = %(project)s
