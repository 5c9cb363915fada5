-- The published days with the weekday of :day in the :weeks weeks before it, newest first, and :day itself if it is
-- published. The soft audits compare with them. A day published before profiles were kept has NULL there.
-- Costs an index lookup for each day.
SELECT day, downloads, projects, by_country, by_hour, status, revision, accepted_because
FROM pyzn.days
LEFT JOIN pyzn.profiles USING (day)
WHERE day IN (SELECT CAST(:day AS date) - 7 * week FROM generate_series(0, :weeks) AS week)
ORDER BY day DESC
