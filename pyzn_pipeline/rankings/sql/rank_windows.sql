-- Ranks the counted projects of :day for each period, at most :ranks places, ties by name.
-- `change` is NULL unless every day of the period before is published with the same count, which means the same.
-- Costs two sorts of the counted projects, three times as many rows.
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
    SELECT period, project, downloads,
           row_number() OVER (PARTITION BY period ORDER BY downloads DESC, project) AS rank,
           CASE WHEN before > 0 THEN row_number() OVER (PARTITION BY period ORDER BY before DESC, project) END AS rank_before
    FROM counted, LATERAL (
        VALUES ('day', day, day_before), ('week', week, week_before), ('month', month, month_before)
    ) AS periods (period, downloads, before)
)
INSERT INTO pyzn.top_projects (day, period, rank, project, downloads, change)
SELECT CAST(:day AS date), placed.period, rank, project, downloads,
       CASE WHEN comparable.period IS NOT NULL THEN rank_before - rank END
FROM placed LEFT JOIN comparable USING (period)
WHERE rank <= :ranks AND downloads > 0
