-- A row per known project of `names` (normalised; '__all__' is all of PyPI), in no order: the project; its first day in the
-- window; and a JSON array of [first day of the period, the number of the count `measure`] of the periods with rows,
-- oldest first.
-- Cost: one heap row per project and day of the window.
WITH daily AS (
    SELECT project, day, downloads, pip_downloads, ci_downloads, downloads_without_mirrors, files
    FROM pyzn.project_days
    WHERE project = ANY (%(names)s::text[] COLLATE "C") AND day BETWEEN %(start)s AND %(end)s
    UNION ALL
    SELECT '__all__', day, downloads, pip_downloads, ci_downloads, downloads_without_mirrors, files
    FROM pyzn.days
    WHERE '__all__' = ANY (%(names)s::text[]) AND day BETWEEN %(start)s AND %(end)s AND retired_at IS NULL
), counted AS (
    SELECT project, date_trunc(%(granularity)s, day::timestamp)::date AS period, min(day) AS first_day, sum(CASE %(measure)s::text
        WHEN 'downloads' THEN downloads
        WHEN 'pip' THEN pip_downloads
        WHEN 'ci' THEN ci_downloads
        WHEN 'without_ci' THEN downloads - ci_downloads
        WHEN 'without_mirrors' THEN downloads_without_mirrors
        WHEN 'files' THEN coalesce(files, 0)
    END)::bigint AS number
    FROM daily
    GROUP BY 1, 2
)
SELECT project, min(first_day), coalesce(json_agg(json_build_array(period, number) ORDER BY period) FILTER (WHERE period IS NOT NULL), '[]')
FROM (
    SELECT project FROM pyzn.projects WHERE project = ANY (%(names)s::text[] COLLATE "C")
    UNION ALL
    SELECT '__all__' WHERE '__all__' = ANY (%(names)s::text[])
) AS known
LEFT JOIN counted USING (project)
GROUP BY project
