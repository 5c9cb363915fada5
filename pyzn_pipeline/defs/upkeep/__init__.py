"""What keeps a deployment in order, in Dagster: alerts, checks of the ledger, nightly schedules, backfill prices."""
