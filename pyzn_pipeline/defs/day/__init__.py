"""A day in Dagster: its assets, the schedule, who asked for which days, the sensor that asks for what is lacking."""
