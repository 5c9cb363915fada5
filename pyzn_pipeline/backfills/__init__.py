"""Backfills: their price, and launching and following them in a running Dagster."""
