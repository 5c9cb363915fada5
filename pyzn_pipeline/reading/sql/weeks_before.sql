-- The published days with the weekday of :day in the :weeks weeks before it, newest first, and :day itself if it is
-- published. The soft audits compare with them. `whole` is {"breakdown": {"key": downloads of all PyPI}}.
-- Costs two index lookups for each day.
SELECT day, downloads, projects, by_hour, status, revision, accepted_because,
       (SELECT coalesce(json_object_agg(breakdown, whole), '{}') FROM pyzn.day_breakdowns
        WHERE day_breakdowns.day = days.day AND whole IS NOT NULL) AS whole
FROM pyzn.days
WHERE day IN (SELECT CAST(:day AS date) - 7 * week FROM generate_series(0, :weeks) AS week)
ORDER BY day DESC
