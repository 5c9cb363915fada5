"""The checks that only read the ledger: how late the newest published day is, and which wanted days were not read.

Freshness is not a FreshnessPolicy: that looks at the latest materialization of any partition, so the backfill of
an old day would make the asset look fresh.
"""

from collections.abc import Callable
from datetime import UTC, datetime

from dagster import (
    AssetCheckEvaluation,
    AssetCheckResult,
    AssetChecksDefinition,
    AssetCheckSeverity,
    AssetKey,
    DefaultSensorStatus,
    SensorDefinition,
    SensorEvaluationContext,
    SensorResult,
    asset_check,
    sensor,
)
from sqlalchemy import Engine

from pyzn_pipeline import calendar
from pyzn_pipeline.days import ranges
from pyzn_pipeline.defs.resources import Store
from pyzn_pipeline.defs.source.table import NAME as SOURCE
from pyzn_pipeline.store import trouble
from pyzn_pipeline.store.ledger import freshness


def ledger_checks() -> list[AssetChecksDefinition]:
    """The checks. They can also be run manually.

    They belong to the source table, which is never materialized. For a materialized asset, Dagster hides results
    that are older than the latest materialization, and a backfill would include the check as a step and skip it,
    because our op logs its materializations itself.
    """
    return [_check(name, description, look) for name, (description, look) in CHECKS.items()]


def ledger_sensor(now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> SensorDefinition:
    """The sensor that evaluates the checks every minute, in the daemon: a run would be mostly start-up time."""

    @sensor(
        minimum_interval_seconds=60,
        default_status=DefaultSensorStatus.RUNNING,
        description=f"Evaluates {' and '.join(f'`{name}`' for name in CHECKS)}; reports when a result changes, "
        "and every hour.",
    )
    def report_ledger(context: SensorEvaluationContext, store: Store) -> SensorResult:
        with store.engine() as engine:
            found = {name: look(engine) for name, (_, look) in CHECKS.items()}
        said = "; ".join(str(result.description) for result in found.values())
        reported = f"{now():%Y-%m-%dT%H} {[result.passed for result in found.values()]}"
        if reported == context.cursor:
            return SensorResult(skip_reason=said)
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
        return SensorResult(skip_reason=said, asset_events=evaluations, cursor=reported)

    return report_ledger


def _check(check: str, description: str, look: Callable[[Engine], AssetCheckResult]) -> AssetChecksDefinition:
    @asset_check(asset=SOURCE, name=check, description=description)
    def check_of_the_ledger(store: Store) -> AssetCheckResult:
        with store.engine() as engine:
            return look(engine)

    return check_of_the_ledger


def _freshness(engine: Engine) -> AssetCheckResult:
    newest, days_late = freshness(engine, datetime.now(UTC))
    return AssetCheckResult(
        passed=days_late == 0,
        severity=AssetCheckSeverity.ERROR,
        description=f"the newest published day is {newest or 'none'}, {days_late} days late",
        metadata={"newest day": str(newest), "days late": days_late},
    )


def _wanted(engine: Engine) -> AssetCheckResult:
    tried, waiting = trouble.days_tried(engine), trouble.waiting(engine).days
    given_up = [day.day for day in tried if day.given_up]
    failing = [day.day for day in tried if day.failed and not day.given_up]
    told = {"given up": given_up, "failed, to be tried again": failing, "waiting or being read": waiting}
    return AssetCheckResult(
        passed=not given_up and not failing,
        severity=AssetCheckSeverity.ERROR if given_up else AssetCheckSeverity.WARN,
        description=f"of the wanted days, {len(given_up)} are given up, {len(failing)} have failed and "
        f"{len(waiting)} wait or are being read",
        metadata={name: ranges(days) or "none" for name, days in told.items()},
    )


CHECKS: dict[str, tuple[str, Callable[[Engine], AssetCheckResult]]] = {
    "newest_day_is_fresh": (
        f"Yesterday is published by {calendar.said(calendar.LATE_AT)}; before that, the day before it.",
        _freshness,
    ),
    "what_was_asked_for_is_read": (
        "No day that somebody, or the calendar, asked for has failed or is given up. A day that is given up is not "
        "tried again unless a person asks; `pyzn days` shows the reason.",
        _wanted,
    ),
}
