"""Maintenance in Dagster: the nightly jobs that pack settled days and retire old months, and their schedules."""

from datetime import UTC, datetime
from functools import partial

from dagster import DefaultScheduleStatus, OpExecutionContext, ScheduleDefinition, job, op

from pyzn_pipeline import calendar
from pyzn_pipeline.defs.resources import Store
from pyzn_pipeline.exports.index import exported_month
from pyzn_pipeline.exports.storage import storage_at
from pyzn_pipeline.maintenance.packing import pack_settled
from pyzn_pipeline.maintenance.retention import retire


def packing_schedule(tablespace: str) -> ScheduleDefinition:
    """Return the schedule, RUNNING by default. The months are packed into `tablespace`, "" is the database's own."""

    @op(description="Rewrites each month's settled days as one partition in project order. Readers are not blocked.")
    def pack_settled_days(context: OpExecutionContext, store: Store) -> None:
        with store.engine() as engine:
            today = datetime.now(UTC).date()
            for first, following, partitions in pack_settled(engine, today, tablespace):
                context.log.info(f"{partitions} partitions of [{first}, {following}) joined into one")

    @job(description="Keeps a project's days next to each other on disk, so that long ranges are fast to read.")
    def packing() -> None:
        pack_settled_days()

    return ScheduleDefinition(
        job=packing,
        cron_schedule=calendar.cron(calendar.PACKED_AT),
        execution_timezone="UTC",
        default_status=DefaultScheduleStatus.RUNNING,
        description=f"Every day at {calendar.clock_time(calendar.PACKED_AT)}.",
    )


def retention_schedule(keep_days: int, export_url: str | None) -> ScheduleDefinition:
    """Return the schedule, RUNNING by default. With `export_url`, a month waits until all its days are there."""

    exported = partial(exported_month, storage_at(export_url)) if export_url is not None else None
    waits = ", once all their days are exported" if export_url is not None else ""

    @op(description=f"Drops the rows by day of months that ended more than {keep_days} days ago{waits}.")
    def retire_old_months(context: OpExecutionContext, store: Store) -> None:
        with store.engine() as engine:
            months = retire(engine, datetime.now(UTC).date(), keep_days, exported)
        context.log.info(f"retired {', '.join(f'{month:%Y-%m}' for month in months) or 'nothing'}")

    @job(description=f"Keeps {keep_days} days by day (PYZN_RETENTION_DAYS). Older months stay in the totals.")
    def retention() -> None:
        retire_old_months()

    return ScheduleDefinition(
        job=retention,
        cron_schedule=calendar.cron(calendar.RETIRED_AT),
        execution_timezone="UTC",
        default_status=DefaultScheduleStatus.RUNNING,
        description=f"Every day at {calendar.clock_time(calendar.RETIRED_AT)}.",
    )
