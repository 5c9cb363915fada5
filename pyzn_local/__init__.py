"""The embedded stack: PostgreSQL, a stand-in for BigQuery, and the runner of all processes on one machine."""
