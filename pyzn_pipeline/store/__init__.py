"""The store: the only writer of the schema `pyzn`. Knows Postgres; knows nothing of BigQuery, Dagster or HTTP."""
