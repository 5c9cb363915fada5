"""The classes that dagster.yaml names, which launch and cancel runs. Nothing else belongs here."""
