"""Dagster's webserver, started behind a guard: `python -m pyzn_pipeline.webserver`."""
