"""Reading one day: scan it, tally it, audit it, compare it with the published day, publish it.

Belongs here: the steps of a day and its rules. Does not: Dagster (defs/) and SQL for Postgres (store/).
"""
