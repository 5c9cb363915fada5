-- One row: a JSON array of [project, the first day of a period, downloads, those by CI] of the projects in `names`
-- (normalised), oldest period first; a period without a row of the project is absent.
-- Cost: one heap row per project and day of the window.
SELECT coalesce(json_agg(json_build_array(project, period, downloads, ci_downloads) ORDER BY project, period), '[]')
FROM (
    SELECT project, date_trunc(%(granularity)s, day::timestamp)::date AS period,
           sum(downloads)::bigint AS downloads, sum(ci_downloads)::bigint AS ci_downloads
    FROM pyzn.project_days
    WHERE project = ANY (%(names)s::text[] COLLATE "C") AND day BETWEEN %(start)s AND %(end)s
    GROUP BY 1, 2
) AS counted
