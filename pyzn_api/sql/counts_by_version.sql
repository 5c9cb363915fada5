-- One row: the downloads per period and version as JSON objects (or, if `csv`, as CSV lines), separated
-- by commas (or line ends): oldest period first, then most downloads, then version. No row for a
-- project nobody has heard of. `pattern` is a LIKE pattern; `ci` is include, exclude or only.
-- Cost: one heap row per day, whose document is taken apart: about 1 microsecond per day and version.
WITH counted AS (
    SELECT date_trunc(%(granularity)s, day::timestamp)::date AS period, version,
           sum(CASE %(ci)s::text
                   WHEN 'include' THEN downloads
                   WHEN 'exclude' THEN downloads - ci_downloads
                   ELSE ci_downloads
               END)::bigint AS downloads
    FROM pyzn.downloads_by_version
    WHERE project = %(project)s AND day BETWEEN %(start)s AND %(end)s AND version LIKE %(pattern)s
    GROUP BY 1, 2
)
SELECT CASE WHEN %(csv)s THEN (
           SELECT string_agg(
               concat(period, ',"', replace(version, '"', '""'), '",', downloads), E'\r\n'
               ORDER BY period, downloads DESC, version COLLATE "C"
           ) FROM counted WHERE downloads > 0
       ) ELSE (
           SELECT string_agg(
               row_to_json(counted)::text, ',' ORDER BY period, downloads DESC, version COLLATE "C"
           ) FROM counted WHERE downloads > 0
       ) END
FROM pyzn.projects
WHERE project = %(project)s
