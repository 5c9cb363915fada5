-- The source's own count of every UTC day from @start to @end (exclusive); days without downloads have no row.
-- This is the cheapest query that shows whether a day has changed since it was read. Costs at most the bytes of
-- one column of those partitions, and nothing where BigQuery answers from the partition's metadata.
SELECT DATE(timestamp) AS day, COUNT(*) AS downloads
FROM `$table`
WHERE timestamp >= @start AND timestamp < @end
GROUP BY day
