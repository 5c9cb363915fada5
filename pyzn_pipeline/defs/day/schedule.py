"""The schedule that reads the day before, every day."""

from datetime import UTC, timedelta

from dagster import DefaultScheduleStatus, RunRequest, ScheduleDefinition, ScheduleEvaluationContext, schedule

from pyzn_pipeline import calendar
from pyzn_pipeline.defs.day.job import READ


def daily_schedule() -> ScheduleDefinition:
    """The schedule. It is RUNNING by default; Dagster's default is STOPPED."""

    @schedule(
        job=READ,
        cron_schedule=calendar.cron(calendar.READ_AT),
        execution_timezone="UTC",
        default_status=DefaultScheduleStatus.RUNNING,
        description=f"Reads the day before, every day at {calendar.said(calendar.READ_AT)}.",
    )
    def daily_downloads_schedule(context: ScheduleEvaluationContext) -> RunRequest:
        day_before = context.scheduled_execution_time.astimezone(UTC).date() - timedelta(days=1)
        return RunRequest(partition_key=day_before.isoformat())

    return daily_downloads_schedule
