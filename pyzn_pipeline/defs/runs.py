"""Runs of Dagster: the states of one that has not ended, and who asked for its days."""

from dagster import DagsterRun, DagsterRunStatus

from pyzn_pipeline.instance.run_coordinator import REPAIR

UNFINISHED_RUNS = [
    DagsterRunStatus.QUEUED,
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
]


def asker_of(run: DagsterRun) -> str | None:
    """Return the asker of the days of the run, as in Request.asker."""
    if REPAIR.items() <= run.tags.items():
        return None
    backfill = run.tags.get("dagster/backfill")
    return f"backfill {backfill}" if backfill else f"run {run.run_id}"
