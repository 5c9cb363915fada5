-- One row: NULL; the downloads per period and country as JSON objects or CSV lines as in counts_by_version.sql,
-- oldest period first; 0. No row for a project nobody has heard of. `country` is one of the tables' codes, in
-- any case, or NULL for all.
-- Cost: one heap row per day, whose document of about 200 countries at most is taken apart.
WITH counted AS (
    SELECT date_trunc(%(granularity)s, day::timestamp)::date AS period, country, sum(downloads)::bigint AS downloads
    FROM pyzn.downloads_by_country
    WHERE project = %(project)s AND day BETWEEN %(start)s AND %(end)s
        AND (%(country)s::text IS NULL OR country IN (%(country)s, upper(%(country)s)))
    GROUP BY 1, 2
)
SELECT NULL, CASE WHEN %(csv)s THEN (
           SELECT string_agg(
               concat(period, ',"', replace(country, '"', '""'), '",', downloads), E'\r\n'
               ORDER BY period, downloads DESC, country COLLATE "C"
           ) FROM counted
       ) ELSE (
           SELECT string_agg(
               row_to_json(counted)::text, ',' ORDER BY period, downloads DESC, country COLLATE "C"
           ) FROM counted
       ) END, 0
FROM pyzn.projects
WHERE project = %(project)s
