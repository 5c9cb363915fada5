-- Ranks the counted projects of :day for each period, at most :ranks places, ties by name.
-- `change` is NULL unless every day of the period before is published with the same count, which means the same.
-- Costs six sorts of the counted projects.
WITH period (period, days, count) AS (
    SELECT period, days, counts ->> period
    FROM pyzn.rankings, (VALUES ('day', 1), ('week', 7), ('month', 30)) AS period (period, days)
    WHERE day = :day
),
comparable AS (
    SELECT period.period
    FROM period JOIN pyzn.days
        ON days.day BETWEEN CAST(:day AS date) - 2 * period.days + 1 AND CAST(:day AS date) - period.days
    WHERE retired_at IS NULL AND (count = 'downloads' OR files IS NOT NULL)
    GROUP BY period.period, period.days, period.count
    HAVING count(*) = period.days
        AND period.count <> ALL (pyzn.redefined(CAST(:day AS date) - 2 * period.days + 1, CAST(:day AS date)))
),
placed AS (
    SELECT 'day' AS period, project, day AS downloads,
           row_number() OVER (ORDER BY day DESC, project) AS rank,
           CASE WHEN day_before > 0 THEN row_number() OVER (ORDER BY day_before DESC, project) END AS rank_before
    FROM counted
    UNION ALL
    SELECT 'week', project, week,
           row_number() OVER (ORDER BY week DESC, project),
           CASE WHEN week_before > 0 THEN row_number() OVER (ORDER BY week_before DESC, project) END
    FROM counted
    UNION ALL
    SELECT 'month', project, month,
           row_number() OVER (ORDER BY month DESC, project),
           CASE WHEN month_before > 0 THEN row_number() OVER (ORDER BY month_before DESC, project) END
    FROM counted
)
INSERT INTO pyzn.top_projects (day, period, rank, project, downloads, change)
SELECT CAST(:day AS date), placed.period, rank, project, downloads,
       CASE WHEN comparable.period IS NOT NULL THEN rank_before - rank END
FROM placed LEFT JOIN comparable USING (period)
WHERE rank <= :ranks AND downloads > 0
