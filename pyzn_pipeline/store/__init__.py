"""The store: all access to Postgres, the only writer of the schema `pyzn`. Not here: BigQuery, Dagster, HTTP."""
