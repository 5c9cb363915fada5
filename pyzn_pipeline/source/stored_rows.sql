-- How many rows BigQuery has stored in each daily partition from @first to @last (both 'YYYYMMDD', included), from its
-- metadata. Rows that were streamed in and are in no partition yet have partition_id '__UNPARTITIONED__', sometimes in
-- two rows. In no order.
-- Bills BigQuery's minimum for a query, 10 MiB, however many days are asked for. Needs bigquery.tables.get and
-- bigquery.tables.list: https://cloud.google.com/bigquery/docs/information-schema-partitions
SELECT partition_id, total_rows
FROM `$dataset.INFORMATION_SCHEMA.PARTITIONS`
WHERE table_name = @table
  AND (partition_id BETWEEN @first AND @last OR partition_id = '__UNPARTITIONED__')
