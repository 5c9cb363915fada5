-- Creates a temporary table, dropped with the transaction: every project with its downloads in the 1, 7 and 30 days
-- that end with :day, in the same number of days before (`*_before`), and on the same weekday a week before.
-- What no project can be called is left out, '(unknown)' too: the name is no PEP 503 normal form, so no route answers it.
-- Costs one pass over the 60 days: 45 million rows for all of PyPI, the longest part of a ranking.
CREATE TEMP TABLE counted ON COMMIT DROP AS
SELECT
    project,
    coalesce(sum(downloads) FILTER (WHERE day = bounds.last), 0)::bigint AS day,
    coalesce(sum(downloads) FILTER (WHERE day = bounds.last - 1), 0)::bigint AS day_before,
    coalesce(sum(downloads) FILTER (WHERE day > bounds.last - 7), 0)::bigint AS week,
    coalesce(sum(downloads) FILTER (WHERE day BETWEEN bounds.last - 13 AND bounds.last - 7), 0)::bigint AS week_before,
    coalesce(sum(downloads) FILTER (WHERE day > bounds.last - 30), 0)::bigint AS month,
    coalesce(sum(downloads) FILTER (WHERE day <= bounds.last - 30), 0)::bigint AS month_before,
    coalesce(sum(downloads) FILTER (WHERE day = bounds.last - 7), 0)::bigint AS weekday_before
FROM pyzn.project_days, (SELECT CAST(:day AS date) AS last) AS bounds
WHERE day BETWEEN CAST(:day AS date) - 59 AND CAST(:day AS date)
GROUP BY project
HAVING project NOT LIKE '(%'
