"""What runs beside the days: recounts, proofs, backfills and their price, alerts, the check of a deployment.

Belongs here: work that looks at published days from outside. Does not: Dagster's definitions (defs/), SQL (store/).
"""
