-- The source's own count of every UTC day from @start to @end (exclusive); a day without a row is not in it.
-- The cheapest question that can tell whether a day is still what it was when it was read. Costs the bytes
-- of one column of those partitions at the most; where BigQuery can answer from what it knows of a partition, nothing.
SELECT DATE(timestamp) AS day, COUNT(*) AS downloads
FROM `$table`
WHERE timestamp >= @start AND timestamp < @end
GROUP BY day
