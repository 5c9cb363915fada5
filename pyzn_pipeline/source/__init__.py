"""The source: reads a day from BigQuery. Knows BigQuery and Arrow; knows nothing of Postgres or Dagster."""
