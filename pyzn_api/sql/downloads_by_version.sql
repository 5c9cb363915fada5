-- The body of the pro downloads routes: one row, the finished JSON with days oldest first; no row for
-- an unknown project. Unless `ci`, downloads by CI are left out, and with them a version, and a day,
-- of which nothing else is left.
-- Cost: one index look-up in projects, one heap row per day; documents are passed on as text. Unless `ci`, those of
-- days with CI downloads are taken apart.
SELECT '{"downloads":{' || coalesce(daily.entries, '') || '}}'
FROM pyzn.projects AS known,
     LATERAL (
         SELECT string_agg(
             '"' || day || '":' || CASE WHEN %(ci)s OR ci_downloads = 0 THEN by_version::text ELSE (
                 SELECT '{' || string_agg(to_json(version) || ':' || (counted::bigint - by_ci::bigint), ',' ORDER BY place) || '}'
                 FROM ROWS FROM (json_each_text(by_version), json_array_elements_text(ci_by_version))
                      WITH ORDINALITY AS entry (version, counted, by_ci, place)
                 WHERE counted::bigint > by_ci::bigint
             ) END,
             ',' ORDER BY day
         ) AS entries
         FROM pyzn.project_days
         WHERE project = %(project)s AND day BETWEEN %(start)s AND %(end)s AND (%(ci)s OR downloads > ci_downloads)
     ) AS daily
WHERE known.project = %(project)s
