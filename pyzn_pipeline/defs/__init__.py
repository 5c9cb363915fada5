"""Dagster's definitions: assets, checks, schedules, sensors, resources. The functions that do the work are outside."""
