-- The published days with the weekday of :day in the :weeks weeks before it, newest first, and :day itself if it is
-- published. The soft audits compare with them. `redefined` are the counts and breakdowns that do not mean the same.
-- `pypi_totals` is {"breakdown": {"key": downloads of all PyPI}}.
-- Costs two index lookups for each day.
SELECT day, downloads, files, projects, by_hour, status, revision, accepted_because,
       pyzn.redefined(day, CAST(:day AS date)) AS redefined,
       (SELECT coalesce(json_object_agg(breakdown, pypi_totals), '{}') FROM pyzn.day_breakdowns
        WHERE day_breakdowns.day = days.day AND pypi_totals IS NOT NULL) AS pypi_totals
FROM pyzn.days
WHERE day IN (SELECT CAST(:day AS date) - 7 * week FROM generate_series(0, :weeks) AS week)
ORDER BY day DESC
