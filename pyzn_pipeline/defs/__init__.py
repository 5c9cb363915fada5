"""The Dagster side: assets, checks, partitions, schedule, resources. Plain functions elsewhere do the work."""
