"""What is computed from published days, in Dagster: the rankings and the daily totals."""
