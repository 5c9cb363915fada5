"""Freshness: how late the newest published day is, from the ledger.

Not a FreshnessPolicy: that looks at the latest materialization of any partition, and a backfill of an
old day would make the asset look fresh.
"""

from datetime import UTC, datetime

from dagster import (
    AssetCheckKey,
    AssetCheckResult,
    AssetChecksDefinition,
    AssetCheckSeverity,
    AssetKey,
    AssetSelection,
    DefaultScheduleStatus,
    MetadataValue,
    ScheduleDefinition,
    asset_check,
    define_asset_job,
)

from pyzn_pipeline.breakdowns import VERSION
from pyzn_pipeline.defs.resources import Store
from pyzn_pipeline.store.ledger import freshness

CHECK = AssetCheckKey(AssetKey(VERSION.view), "newest_day_is_fresh")


def freshness_check() -> AssetChecksDefinition:
    """The check; it reads the ledger alone."""

    @asset_check(
        asset=VERSION.view,
        name=CHECK.name,
        description="Yesterday is published by 20:00 UTC; before that, the day before it.",
    )
    def newest_day_is_fresh(store: Store) -> AssetCheckResult:
        with store.engine() as engine:
            newest, days_late = freshness(engine, datetime.now(UTC))
        return AssetCheckResult(
            passed=days_late == 0,
            severity=AssetCheckSeverity.ERROR,
            description=f"the newest published day is {newest or 'none'}, {days_late} days late",
            metadata={"newest day": MetadataValue.text(str(newest)), "days late": MetadataValue.int(days_late)},
        )

    return newest_day_is_fresh


def freshness_schedule() -> ScheduleDefinition:
    """Evaluates the check every hour, RUNNING from the start."""
    return ScheduleDefinition(
        job=define_asset_job(
            "freshness", selection=AssetSelection.checks(CHECK), description="Evaluates how late the newest day is."
        ),
        cron_schedule="5 * * * *",
        execution_timezone="UTC",
        default_status=DefaultScheduleStatus.RUNNING,
        description="Every hour.",
    )
