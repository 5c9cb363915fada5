"""One day: what was read of it is tallied, audited, judged and published.

Belongs here: the steps of a day and its rules. Does not: Dagster, and any SQL of Postgres (store/).
"""
