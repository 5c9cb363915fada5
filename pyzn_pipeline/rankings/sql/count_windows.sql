-- Creates a temporary table, dropped with the transaction: every project with its files, or downloads, in the 1, 7 and 30
-- days that end with :day, in the same number of days before (`*_before`), and on the same weekday a week before. Which
-- of the two is in pyzn.rankings.
-- What no project can be called is left out, '(unknown)' too: the name is no PEP 503 normal form, so no route answers it.
-- Costs one pass over the 60 days: 45 million rows for all of PyPI, the longest part of a ranking.
CREATE TEMP TABLE counted ON COMMIT DROP AS
SELECT
    project,
    coalesce(sum(by_day) FILTER (WHERE day = last), 0)::bigint AS day,
    coalesce(sum(by_day) FILTER (WHERE day = last - 1), 0)::bigint AS day_before,
    coalesce(sum(by_week) FILTER (WHERE day > last - 7), 0)::bigint AS week,
    coalesce(sum(by_week) FILTER (WHERE day BETWEEN last - 13 AND last - 7), 0)::bigint AS week_before,
    coalesce(sum(by_month) FILTER (WHERE day > last - 30), 0)::bigint AS month,
    coalesce(sum(by_month) FILTER (WHERE day <= last - 30), 0)::bigint AS month_before,
    coalesce(sum(by_day) FILTER (WHERE day = last - 7), 0)::bigint AS weekday_before
FROM (
    SELECT project_days.day, project, rankings.day AS last,
           CASE counts ->> 'day' WHEN 'files' THEN files ELSE downloads END AS by_day,
           CASE counts ->> 'week' WHEN 'files' THEN files ELSE downloads END AS by_week,
           CASE counts ->> 'month' WHEN 'files' THEN files ELSE downloads END AS by_month
    FROM pyzn.project_days, pyzn.rankings
    WHERE project_days.day BETWEEN CAST(:day AS date) - 59 AND CAST(:day AS date) AND rankings.day = :day
) AS daily
GROUP BY project
HAVING project NOT LIKE '(%'
