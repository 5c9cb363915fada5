"""The pipeline: from the rows of PyPI's table in BigQuery to published days in Postgres."""
