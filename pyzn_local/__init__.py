"""The embedded stack: PostgreSQL, an emulator of BigQuery, and the runner of all processes on one machine."""
