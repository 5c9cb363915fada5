"""Packing: the nightly job that rewrites settled days in project order."""

from datetime import UTC, datetime

from dagster import DefaultScheduleStatus, OpExecutionContext, ScheduleDefinition, job, op

from pyzn_pipeline import calendar
from pyzn_pipeline.defs.resources import Store
from pyzn_pipeline.store.packing import pack_settled


def packing_schedule() -> ScheduleDefinition:
    """The schedule, RUNNING by default."""

    @op(description="Rewrites each month's settled days as one partition in project order. Readers are not blocked.")
    def pack_settled_days(context: OpExecutionContext, store: Store) -> None:
        with store.engine() as engine:
            for first, following, partitions in pack_settled(engine, datetime.now(UTC).date()):
                context.log.info(f"{partitions} partitions of [{first}, {following}) joined into one")

    @job(description="Keeps a project's days next to each other on disk, so that long ranges are fast to read.")
    def packing() -> None:
        pack_settled_days()

    return ScheduleDefinition(
        job=packing,
        cron_schedule=calendar.cron(calendar.PACKED_AT),
        execution_timezone="UTC",
        default_status=DefaultScheduleStatus.RUNNING,
        description=f"Every day at {calendar.said(calendar.PACKED_AT)}.",
    )
