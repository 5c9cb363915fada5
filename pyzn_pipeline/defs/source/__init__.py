"""The source in Dagster: the external table, and the recount of published days."""
