"""Monitoring: alerts, the checks of the ledger, and the check of a deployment."""
