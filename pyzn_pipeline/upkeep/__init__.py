"""Work around the days: recounts, proofs, backfills and their price, alerts, the check of a deployment.

Belongs here: work on published days, or on the deployment. Does not: Dagster's definitions (defs/), SQL (store/).
"""
