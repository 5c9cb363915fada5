-- INFORMATION_SCHEMA.PARTITIONS of file_downloads: a row for each UTC day that has rows, in no order. The variable
-- unpartitioned_rows has how many rows of each day are in no partition yet: they are together in `__UNPARTITIONED__`.
-- $bytes is filled with an aggregate, the billed bytes of all columns.
CREATE OR REPLACE VIEW "INFORMATION_SCHEMA.PARTITIONS" AS
WITH stored AS (
  SELECT
    strftime(timestamp, '%Y%m%d') AS id,
    count(*) AS stored_rows,
    least(stored_rows, coalesce(getvariable('unpartitioned_rows'), 0)) AS streamed_rows,
    $bytes AS bytes
  FROM file_downloads
  GROUP BY id
),
listed AS (
  SELECT id, stored_rows - streamed_rows AS total_rows, bytes FROM stored
  UNION ALL
  SELECT '__UNPARTITIONED__', sum(streamed_rows), 0 FROM stored HAVING sum(streamed_rows) > 0
)
SELECT
  'bigquery-public-data' AS table_catalog,
  'pypi' AS table_schema,
  'file_downloads' AS table_name,
  id AS partition_id,
  CAST(total_rows AS BIGINT) AS total_rows,
  CAST(bytes AS BIGINT) AS total_logical_bytes
FROM listed
