-- One row: those of `names` that are known, as a JSON array, '__all__' (all of PyPI) always; and their downloads per period by
-- every count, as members of a JSON array or if `csv` as lines: in the order of `names`, oldest period first, each with its
-- project if `several`. Files are null for a period with a day that was read without file names, unless `partial`.
-- Cost: an index look-up in projects for each name, and a heap row for each of its days; or the ledger's rows of those days.
WITH daily AS (
    SELECT project, day, downloads, files, pip_downloads, ci_downloads, downloads_without_mirrors
    FROM pyzn.project_days
    WHERE project = ANY (%(names)s::text[]) AND day BETWEEN %(start)s AND %(end)s
    UNION ALL
    SELECT '__all__', day, downloads, files, pip_downloads, ci_downloads, downloads_without_mirrors
    FROM pyzn.days
    WHERE '__all__' = ANY (%(names)s::text[]) AND day BETWEEN %(start)s AND %(end)s AND retired_at IS NULL
), periods AS (
    SELECT project, date_trunc(%(granularity)s, day::timestamp)::date AS period, sum(downloads) AS downloads,
           CASE WHEN %(partial)s OR bool_and(files IS NOT NULL) THEN coalesce(sum(files), 0) END AS files, sum(pip_downloads) AS pip,
           sum(ci_downloads) AS ci, sum(downloads_without_mirrors) AS without_mirrors
    FROM daily
    GROUP BY 1, 2
)
SELECT (SELECT json_agg(name) FROM unnest(%(names)s::text[]) AS name
        WHERE name = '__all__' OR name IN (SELECT project FROM pyzn.projects WHERE project = ANY (%(names)s::text[]))),
       CASE WHEN %(csv)s THEN string_agg(
           concat(
               CASE WHEN %(several)s THEN project || ',' END, concat_ws(',', period, downloads, coalesce(files::text, ''), pip, ci, without_mirrors), E'\r\n'
           ), '' ORDER BY array_position(%(names)s::text[], project), period
       ) ELSE string_agg(
           concat(
               '{"period":"', period, '","downloads":', downloads, ',"files":', coalesce(files::text, 'null'), ',"pip":', pip,
               ',"ci":', ci, ',"without_mirrors":', without_mirrors, CASE WHEN %(several)s THEN ',"project":"' || project || '"' END, '}'
           ), ',' ORDER BY array_position(%(names)s::text[], project), period
       ) END
FROM periods
