-- The project that the imported file names twice, and the first two of its lines; the earliest such, if any.
SELECT project, min(line) AS first, (array_agg(line ORDER BY line))[2] AS second
FROM imported
GROUP BY project
HAVING count(*) > 1
ORDER BY second
LIMIT 1
