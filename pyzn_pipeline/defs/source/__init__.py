"""The source in Dagster: the external table, and the re-count of published days."""
