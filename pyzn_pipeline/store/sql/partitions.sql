-- The partitions of pyzn.project_days with any day from :first up to :following (exclusive), oldest first:
-- name, and the days [first, following) that it holds.
-- Reads the catalog only, one row for each partition.
SELECT child.relname AS name, bounds.first, bounds.following
FROM pg_inherits
JOIN pg_class AS child ON child.oid = inhrelid
CROSS JOIN LATERAL (
    SELECT CAST(bound[1] AS date) AS first, CAST(bound[2] AS date) AS following
    FROM regexp_match(
        pg_get_expr(child.relpartbound, child.oid), 'FROM \(''(.*)''\) TO \(''(.*)''\)'
    ) AS bound
) AS bounds
WHERE inhparent = CAST('pyzn.project_days' AS regclass) AND bounds.first < :following AND bounds.following > :first
ORDER BY bounds.first
