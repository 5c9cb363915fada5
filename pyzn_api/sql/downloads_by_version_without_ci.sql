-- As downloads_by_version.sql, less the downloads by CI: a version, and a day, of which nothing is left
-- is left out.
-- Cost: as there, and every document of a day with CI downloads is taken apart; a day without any is
-- passed on as text.
SELECT '{"downloads":{' || coalesce(daily.entries, '') || '}}'
FROM pyzn.projects AS known,
     LATERAL (
         SELECT string_agg(
             '"' || day || '":' || CASE WHEN ci_downloads = 0 THEN document::text ELSE (
                 SELECT '{' || string_agg(to_json(version) || ':' || (counted::bigint - by_ci::bigint), ',' ORDER BY place) || '}'
                 FROM ROWS FROM (json_each_text(document), json_array_elements_text(ci_counts))
                      WITH ORDINALITY AS entry (version, counted, by_ci, place)
                 WHERE counted::bigint > by_ci::bigint
             ) END,
             ',' ORDER BY day
         ) AS entries
         FROM pyzn.packed_by_version
         WHERE project = known.project AND day BETWEEN %(start)s AND %(end)s AND downloads > ci_downloads
     ) AS daily
WHERE known.project = %(project)s
