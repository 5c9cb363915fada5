"""Reading a day in Dagster: its assets, job and schedule, the requests for days, and the sensor that repairs days."""
