-- One row, as chart.sql returns it, of all downloads: no bytes, the project's first day in the window, and
-- [first day of the period, NULL, downloads] of each period with downloads, in order; of all of
-- PyPI for '__all__'. No row for a project nobody has heard of.
-- Cost: one heap row per day, or the ledger's.
WITH daily (day, downloads) AS (
    SELECT day, downloads FROM pyzn.project_days WHERE project = %(project)s AND day BETWEEN %(start)s AND %(end)s
    UNION ALL
    SELECT day, downloads
    FROM pyzn.days
    WHERE %(project)s = '__all__' AND day BETWEEN %(start)s AND %(end)s AND retired_at IS NULL
), counted AS (
    SELECT date_trunc(%(granularity)s, day::timestamp)::date AS period, sum(downloads)::bigint AS downloads, min(day) AS first_day
    FROM daily
    GROUP BY 1
)
SELECT 0, (SELECT min(first_day) FROM counted), coalesce((
    SELECT json_agg(json_build_array(period, NULL, downloads) ORDER BY period) FROM counted WHERE downloads > 0
), '[]')
FROM (
    SELECT 1 FROM pyzn.projects WHERE project = %(project)s
    UNION ALL
    SELECT 1 WHERE %(project)s = '__all__'
) AS known
