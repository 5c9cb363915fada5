"""Retention: the nightly job that drops the rows by day of old months."""

from datetime import UTC, datetime

from dagster import DefaultScheduleStatus, OpExecutionContext, ScheduleDefinition, job, op

from pyzn_pipeline import calendar
from pyzn_pipeline.defs.resources import Store
from pyzn_pipeline.store.retention import retire


def retention_schedule(keep_days: int) -> ScheduleDefinition:
    """The schedule, RUNNING by default."""

    @op(description=f"Drops the rows by day of months that ended more than {keep_days} days ago.")
    def retire_old_months(context: OpExecutionContext, store: Store) -> None:
        with store.engine() as engine:
            months = retire(engine, datetime.now(UTC).date(), keep_days)
        context.log.info(f"retired {', '.join(f'{month:%Y-%m}' for month in months) or 'nothing'}")

    @job(description=f"Keeps {keep_days} days by day (PYZN_RETENTION_DAYS). Older months stay in the totals.")
    def retention() -> None:
        retire_old_months()

    return ScheduleDefinition(
        job=retention,
        cron_schedule=calendar.cron(calendar.RETIRED_AT),
        execution_timezone="UTC",
        default_status=DefaultScheduleStatus.RUNNING,
        description=f"Every day at {calendar.said(calendar.RETIRED_AT)}.",
    )
