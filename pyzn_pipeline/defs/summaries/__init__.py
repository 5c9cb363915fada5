"""The assets that are computed from published days: the rankings and the daily totals."""
