"""Retention of runs, of which Dagster has none: those that leave nothing to look up are deleted after a month.

An hourly check makes 8,760 runs a year. Runs that read or re-count days are kept: their events are what
Dagster knows of each partition.
"""

from datetime import UTC, datetime, timedelta

from dagster import DefaultScheduleStatus, OpExecutionContext, RunsFilter, ScheduleDefinition, job, op
from dagster._core.storage.dagster_run import FINISHED_STATUSES

KEPT = timedelta(days=30)
FORGOTTEN = ("freshness", "forget_runs")  # jobs
AT_ONCE = 1000  # runs


@op
def delete_old_runs(context: OpExecutionContext) -> None:
    """Delete the finished runs of FORGOTTEN that are older than KEPT, AT_ONCE at the most of each."""
    for name in FORGOTTEN:
        old = RunsFilter(job_name=name, statuses=list(FINISHED_STATUSES), created_before=datetime.now(UTC) - KEPT)
        runs = context.instance.get_runs(old, limit=AT_ONCE)
        for run in runs:
            context.instance.delete_run(run.run_id)
        context.log.info(f"deleted {len(runs)} runs of {name} that are older than {KEPT.days} days")


@job(description="Deletes old runs of the hourly checks, with their events.")
def forget_runs() -> None:
    """The job."""
    delete_old_runs()


def forgetting_schedule() -> ScheduleDefinition:
    """Every night, RUNNING from the start."""
    return ScheduleDefinition(
        job=forget_runs,
        cron_schedule="20 3 * * *",
        execution_timezone="UTC",
        default_status=DefaultScheduleStatus.RUNNING,
        description="Every night at 3:20 UTC.",
    )
