"""Rankings: the most downloaded projects of a day, week and month, computed from published days."""
