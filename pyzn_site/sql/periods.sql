-- A row per known project of `names` (normalised), in no order: the project; its first day in the window; and a JSON array
-- of [first day of the period, downloads, those by CI] of the periods with rows, oldest first.
-- Cost: one heap row per project and day of the window.
SELECT project, min(first_day),
       coalesce(json_agg(json_build_array(period, downloads, ci_downloads) ORDER BY period) FILTER (WHERE period IS NOT NULL), '[]')
FROM pyzn.projects
LEFT JOIN (
    SELECT project, date_trunc(%(granularity)s, day::timestamp)::date AS period, min(day) AS first_day,
           sum(downloads)::bigint AS downloads, sum(ci_downloads)::bigint AS ci_downloads
    FROM pyzn.project_days
    WHERE project = ANY (%(names)s::text[] COLLATE "C") AND day BETWEEN %(start)s AND %(end)s
    GROUP BY 1, 2
) AS counted USING (project)
WHERE project = ANY (%(names)s::text[] COLLATE "C")
GROUP BY project
