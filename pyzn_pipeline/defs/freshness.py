"""Freshness: how late the newest published day is, from the ledger.

Not a FreshnessPolicy: that looks at the latest materialization of any partition, and a backfill of an
old day would make the asset look fresh.
"""

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

from pyzn_pipeline import calendar
from pyzn_pipeline.defs.resources import Store
from pyzn_pipeline.defs.source import NAME as SOURCE
from pyzn_pipeline.store.ledger import freshness

CHECK = "newest_day_is_fresh"


def freshness_check() -> AssetChecksDefinition:
    """The check, to be run by hand as well; it reads the ledger alone.

    Of the source, which is never materialized: Dagster shows no verdict that is older than the latest
    materialization, and a backfill would take the check as a step, which it skips where an op logs its
    materializations itself.
    """

    @asset_check(
        asset=SOURCE,
        name=CHECK,
        description=f"Yesterday is published by {calendar.said(calendar.LATE_AT)}; before that, the day before it.",
    )
    def newest_day_is_fresh(store: Store) -> AssetCheckResult:
        return _result(store)

    return newest_day_is_fresh


def freshness_sensor() -> SensorDefinition:
    """Evaluates the check every minute in the daemon itself: a run for it would cost only its start."""

    @sensor(
        minimum_interval_seconds=60,
        default_status=DefaultSensorStatus.RUNNING,
        description=f"Evaluates `{CHECK}`: reports when the verdict changes, and every hour.",
    )
    def report_freshness(context: SensorEvaluationContext, store: Store) -> SensorResult:
        found = _result(store)
        reported = f"{datetime.now(UTC):%Y-%m-%dT%H} {found.passed}"
        if reported == context.cursor:
            return SensorResult(skip_reason=found.description)
        evaluation = AssetCheckEvaluation(
            AssetKey(SOURCE),
            CHECK,
            passed=found.passed,
            metadata=found.metadata,
            severity=found.severity,
            description=found.description,
        )
        return SensorResult(skip_reason=found.description, asset_events=[evaluation], cursor=reported)

    return report_freshness


def _result(store: Store) -> AssetCheckResult:
    with store.engine() as engine:
        newest, days_late = freshness(engine, datetime.now(UTC))
    return AssetCheckResult(
        passed=days_late == 0,
        severity=AssetCheckSeverity.ERROR,
        description=f"the newest published day is {newest or 'none'}, {days_late} days late",
        metadata={"newest day": str(newest), "days late": days_late},
    )
