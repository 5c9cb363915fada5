"""The Dagster side of upkeep: alerts, checks of the ledger, nightly schedules, the price of a backfill."""
