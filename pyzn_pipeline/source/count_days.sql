-- The source's own count of every UTC day from @start to @end (exclusive); days without downloads have no row.
-- Not free: the filter reads `timestamp`, 8 bytes a row, so a day of 4 billion rows bills 32 GB. It is asked only
-- for the days that stored_rows.sql does not settle.
SELECT DATE(timestamp) AS day, COUNT(*) AS downloads
FROM `$table`
WHERE timestamp >= @start AND timestamp < @end
GROUP BY day
