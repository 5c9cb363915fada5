"""The source: reads a day from BigQuery as Arrow. Does not belong here: Postgres (store/) and Dagster (defs/)."""
