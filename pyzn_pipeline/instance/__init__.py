"""The classes that dagster.yaml names: the instance, and those that launch and cancel runs. Nothing else."""
