-- The first :rows places of the three periods of :day side by side, each project with the places it gained or lost.
-- Costs three index scans.
WITH shown AS (
    SELECT period, rank,
           concat_ws(' ', project, CASE WHEN change > 0 THEN '▲' || change WHEN change < 0 THEN '▼' || -change END) AS place
    FROM pyzn.top_projects
    WHERE day = :day AND rank <= :rows
)
SELECT rank,
       max(place) FILTER (WHERE period = 'day')   AS day,
       max(place) FILTER (WHERE period = 'week')  AS week,
       max(place) FILTER (WHERE period = 'month') AS month
FROM shown
GROUP BY rank
ORDER BY rank
