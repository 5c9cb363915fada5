-- The first project that the imported file names twice, and its first two lines; no row if there is none.
SELECT project, min(line) AS first, (array_agg(line ORDER BY line))[2] AS second
FROM imported
GROUP BY project
HAVING count(*) > 1
ORDER BY second
LIMIT 1
