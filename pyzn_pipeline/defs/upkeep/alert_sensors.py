"""The sensors that alert people: about days that fail or are late, and about failed runs that read no days."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from dagster import (
    DagsterRunStatus,
    DefaultSensorStatus,
    RunFailureSensorContext,
    RunsFilter,
    SensorDefinition,
    SensorEvaluationContext,
    SkipReason,
    run_failure_sensor,
    sensor,
)

from pyzn_pipeline.defs.resources import Store
from pyzn_pipeline.settings import Settings
from pyzn_pipeline.store import trouble
from pyzn_pipeline.store.ledger import freshness
from pyzn_pipeline.upkeep.alerts import QUIET, AlertError, Told, beat, news, post


def alert_sensors(settings: Settings) -> list[SensorDefinition]:
    """The sensors for the URLs in the settings. If a URL does not answer, that is logged and retried a minute later."""
    webhook, heartbeat = settings.alert_webhook_url, settings.heartbeat_url
    look_at = settings.dagster_public_url

    @sensor(
        minimum_interval_seconds=60,
        default_status=DefaultSensorStatus.RUNNING,
        description="Sends to the webhook which days fail, are given up, or are late, each once. Calls the heartbeat "
        "URL for each new day that is in time.",
    )
    def tell_of_days(context: SensorEvaluationContext, store: Store) -> SkipReason:
        told, now = Told.from_json(context.cursor), datetime.now(UTC)
        with store.engine() as engine:
            found = news(
                trouble.days_tried(engine), trouble.set_aside(engine), *freshness(engine, now), told, now, look_at
            )
        known = found.told
        if webhook and found.message and not _delivered(context, lambda: post(webhook, found.message)):
            known = replace(told, newest=known.newest)
        if heartbeat and found.newer_day and not _delivered(context, lambda: beat(heartbeat)):
            known = replace(known, newest=told.newest)
        context.update_cursor(known.to_json())
        return SkipReason(found.message or "nothing new")

    @run_failure_sensor(
        default_status=DefaultSensorStatus.RUNNING,
        description="Sends to the webhook a failed run that is not in the ledger: it never began, or it reads no days. "
        "At most one message an hour for each job.",
    )
    def tell_of_runs(context: RunFailureSensorContext, store: Store) -> None:
        run = context.dagster_run
        lately = RunsFilter(
            job_name=run.job_name,
            statuses=[DagsterRunStatus.FAILURE],
            updated_after=datetime.now(UTC) - QUIET,
        )
        with store.engine() as engine:
            if trouble.is_attempt(engine, run.run_id) or context.instance.get_runs_count(lately) > 1:
                return
        said = f"PyZn: a run of {run.job_name} failed: {context.failure_event.message}\n{look_at}/runs/{run.run_id}"
        if webhook:
            _delivered(context, lambda: post(webhook, said))

    return [*([tell_of_days] if webhook or heartbeat else []), *([tell_of_runs] if webhook else [])]


def _delivered(context: SensorEvaluationContext | RunFailureSensorContext, deliver: Callable[[], None]) -> bool:
    """Call `deliver` and return whether it succeeded. An error is logged."""
    try:
        deliver()
    except AlertError as error:
        context.log.warning(str(error))
        return False
    return True
