"""The daily run, for the day before."""

from datetime import UTC, timedelta

from dagster import DefaultScheduleStatus, RunRequest, ScheduleDefinition, ScheduleEvaluationContext, schedule

from pyzn_pipeline import calendar
from pyzn_pipeline.defs.day.job import READ


def daily_schedule() -> ScheduleDefinition:
    """The schedule, RUNNING from the start (Dagster's default is STOPPED)."""

    @schedule(
        job=READ,
        cron_schedule=calendar.cron(calendar.READ_AT),
        execution_timezone="UTC",
        default_status=DefaultScheduleStatus.RUNNING,
        description=f"Every day at {calendar.said(calendar.READ_AT)}, the day before.",
    )
    def daily_downloads_schedule(context: ScheduleEvaluationContext) -> RunRequest:
        day_before = context.scheduled_execution_time.astimezone(UTC).date() - timedelta(days=1)
        return RunRequest(partition_key=day_before.isoformat())

    return daily_downloads_schedule
