"""The classes that dagster.yaml names: how runs are launched and canceled. Belongs here: nothing else."""
