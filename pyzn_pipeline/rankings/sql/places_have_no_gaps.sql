-- The days of :days whose places of a period are not 1, 2, 3, … with ever fewer downloads.
-- Reads the rankings of these days, at most 45,000 rows each.
SELECT DISTINCT day
FROM (
    SELECT day, rank, downloads,
           row_number() OVER places AS place, lag(downloads) OVER places AS downloads_before
    FROM pyzn.top_projects
    WHERE day = ANY (CAST(:days AS date[]))
    WINDOW places AS (PARTITION BY day, period ORDER BY rank)
) AS placed
WHERE rank <> place OR downloads > downloads_before
ORDER BY day
