"""Monitoring in Dagster: the checks of the ledger, and the sensors that evaluate them and alert people."""

from collections.abc import Callable
from datetime import UTC, datetime

from dagster import (
    AssetCheckEvaluation,
    AssetCheckResult,
    AssetChecksDefinition,
    AssetCheckSeverity,
    AssetKey,
    DagsterRunStatus,
    DefaultSensorStatus,
    RunFailureSensorContext,
    RunsFilter,
    SensorDefinition,
    SensorEvaluationContext,
    SensorResult,
    SkipReason,
    asset_check,
    run_failure_sensor,
    sensor,
)
from sqlalchemy import Engine

from pyzn_pipeline import calendar
from pyzn_pipeline.days import ranges
from pyzn_pipeline.defs.resources import Store
from pyzn_pipeline.defs.table import NAME as SOURCE
from pyzn_pipeline.monitoring.alerts import QUIET, AlertError, AlertState, beat, news, post
from pyzn_pipeline.recounts.defs import RECOUNT_CHECK
from pyzn_pipeline.recounts.recounts import differing_days
from pyzn_pipeline.settings import Settings
from pyzn_pipeline.store.ledger import freshness
from pyzn_pipeline.wanted_days import trouble


def alert_sensors(settings: Settings) -> list[SensorDefinition]:
    """Return the sensors for the URLs in the settings. A URL that does not answer is tried again a minute later."""
    webhook, heartbeat = settings.alert_webhook_url, settings.heartbeat_url
    dagster_url = settings.dagster_public_url

    @sensor(
        minimum_interval_seconds=60,
        default_status=DefaultSensorStatus.RUNNING,
        description="Sends to the webhook which days fail, are given up, or are late, each once. Calls the heartbeat "
        "URL for each new day that is in time.",
    )
    def alert_of_days(context: SensorEvaluationContext, store: Store) -> SkipReason:
        state, now = AlertState.from_json(context.cursor), datetime.now(UTC)
        with store.engine() as engine:
            found = news(
                trouble.days_tried(engine), trouble.set_aside(engine), *freshness(engine, now), state, now, dagster_url
            )
        known = found.state
        if webhook and found.message and not _delivered(context, lambda: post(webhook, found.message)):
            known = state.model_copy(update={"newest": known.newest})
        if heartbeat and found.newer_day and not _delivered(context, lambda: beat(heartbeat)):
            known = known.model_copy(update={"newest": state.newest})
        context.update_cursor(known.model_dump_json())
        return SkipReason(found.message or "nothing new")

    @run_failure_sensor(
        default_status=DefaultSensorStatus.RUNNING,
        description="Sends to the webhook a failed run that is not in the ledger: it never began, or it reads no days. "
        "At most one message an hour for each job.",
    )
    def alert_of_runs(context: RunFailureSensorContext, store: Store) -> None:
        run = context.dagster_run
        lately = RunsFilter(
            job_name=run.job_name,
            statuses=[DagsterRunStatus.FAILURE],
            updated_after=datetime.now(UTC) - QUIET,
        )
        with store.engine() as engine:
            if trouble.is_attempt(engine, run.run_id) or context.instance.get_runs_count(lately) > 1:
                return
        message = (
            f"PyZn: a run of {run.job_name} failed: {context.failure_event.message}\n{dagster_url}/runs/{run.run_id}"
        )
        if webhook:
            _delivered(context, lambda: post(webhook, message))

    return [*([alert_of_days] if webhook or heartbeat else []), *([alert_of_runs] if webhook else [])]


def _delivered(context: SensorEvaluationContext | RunFailureSensorContext, deliver: Callable[[], None]) -> bool:
    """Call `deliver` and return whether it succeeded. An error is logged."""
    try:
        deliver()
    except AlertError as error:
        context.log.warning(str(error))
        return False
    return True


def ledger_checks() -> list[AssetChecksDefinition]:
    """Return the checks of the ledger, which can also be run manually.

    They belong to the source table, which is never materialized. For a materialized asset, Dagster hides results
    that are older than the latest materialization, and a backfill would include the check as a step and skip it,
    because our op logs its materializations itself.
    """

    def check_of(name: str, description: str, evaluate: Callable[[Engine], AssetCheckResult]) -> AssetChecksDefinition:
        @asset_check(asset=SOURCE, name=name, description=description)
        def check_of_the_ledger(store: Store) -> AssetCheckResult:
            with store.engine() as engine:
                return evaluate(engine)

        return check_of_the_ledger

    return [check_of(name, description, evaluate) for name, (description, evaluate) in CHECKS.items()]


def ledger_sensor(now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> SensorDefinition:
    """Return the sensor that evaluates the checks every minute, in the daemon: a run would be mostly start-up time."""

    @sensor(
        minimum_interval_seconds=60,
        default_status=DefaultSensorStatus.RUNNING,
        description=f"Evaluates {' and '.join(f'`{name}`' for name in CHECKS)}; reports when a result changes, "
        "and every hour.",
    )
    def report_ledger(context: SensorEvaluationContext, store: Store) -> SensorResult:
        with store.engine() as engine:
            found = {name: evaluate(engine) for name, (_, evaluate) in CHECKS.items()}
            reported = f"{now():%Y-%m-%dT%H} {[result.passed for result in found.values()]}"
            if context.cursor is None:  # until the first recount, which is an hour after the first publication
                found[RECOUNT_CHECK.name] = _counts(engine)
        summary = "; ".join(str(result.description) for result in found.values())
        if reported == context.cursor:
            return SensorResult(skip_reason=summary)
        evaluations = [
            AssetCheckEvaluation(
                AssetKey(SOURCE),
                name,
                passed=result.passed,
                metadata=result.metadata,
                severity=result.severity,
                description=result.description,
            )
            for name, result in found.items()
        ]
        return SensorResult(skip_reason=summary, asset_events=evaluations, cursor=reported)

    return report_ledger


def _freshness(engine: Engine) -> AssetCheckResult:
    newest, days_late = freshness(engine, datetime.now(UTC))
    return AssetCheckResult(
        passed=days_late == 0,
        severity=AssetCheckSeverity.ERROR,
        description=f"the newest published day is {newest or 'none'}, {days_late} days late",
        metadata={"newest day": str(newest), "days late": days_late},
    )


def _counts(engine: Engine) -> AssetCheckResult:
    days = differing_days(engine)
    return AssetCheckResult(
        passed=not days,
        severity=AssetCheckSeverity.WARN,
        description="no recount was due yet; by the ledger's latest counts",
        metadata={"days that differ": ranges(days) or "none"},
    )


def _wanted(engine: Engine) -> AssetCheckResult:
    tried, waiting = trouble.days_tried(engine), trouble.waiting(engine).days
    given_up = [day.day for day in tried if day.given_up]
    failing = [day.day for day in tried if day.failed and not day.given_up]
    state = {"given up": given_up, "failed, to be tried again": failing, "waiting or being read": waiting}
    return AssetCheckResult(
        passed=not given_up and not failing,
        severity=AssetCheckSeverity.ERROR if given_up else AssetCheckSeverity.WARN,
        description=f"of the wanted days, {len(given_up)} are given up, {len(failing)} have failed and "
        f"{len(waiting)} wait or are being read",
        metadata={name: ranges(days) or "none" for name, days in state.items()},
    )


CHECKS: dict[str, tuple[str, Callable[[Engine], AssetCheckResult]]] = {
    "newest_day_is_fresh": (
        f"Yesterday is published by {calendar.clock_time(calendar.LATE_AT)}; before that, the day before it.",
        _freshness,
    ),
    "what_was_asked_for_is_read": (
        "No day that somebody, or the calendar, asked for has failed or is given up. A day that is given up is not "
        "tried again unless a person asks; `pyzn days` shows the reason.",
        _wanted,
    ),
}
