"""Packing: a nightly look for days that can lie in project order."""

from datetime import UTC, datetime

from dagster import DefaultScheduleStatus, OpExecutionContext, ScheduleDefinition, job, op

from pyzn_pipeline import calendar
from pyzn_pipeline.defs.resources import Store
from pyzn_pipeline.store.packing import pack_settled


def packing_schedule() -> ScheduleDefinition:
    """The schedule, RUNNING from the start."""

    @op(description="Rewrites the settled days of each month as one partition, in project order; readers go on.")
    def pack_settled_days(context: OpExecutionContext, store: Store) -> None:
        with store.engine() as engine:
            for breakdown, first, following, partitions in pack_settled(engine, datetime.now(UTC).date()):
                context.log.info(f"{breakdown.table}: {partitions} partitions of [{first}, {following}) are one now")

    @job(description="Keeps a project's days together on disk, for readers of long ranges.")
    def packing() -> None:
        pack_settled_days()

    return ScheduleDefinition(
        job=packing,
        cron_schedule=calendar.cron(calendar.PACKED_AT),
        execution_timezone="UTC",
        default_status=DefaultScheduleStatus.RUNNING,
        description=f"Every day at {calendar.said(calendar.PACKED_AT)}.",
    )
