"""The Dagster code location."""

import warnings
from typing import Any

from click import ClickException
from dagster import (
    AssetsDefinition,
    AssetSpec,
    BetaWarning,
    Definitions,
    EnvVar,
    definitions,
    in_process_executor,
    with_source_code_references,
)

from pyzn_pipeline.backfills.defs import backfill_cost_job
from pyzn_pipeline.breakdowns import known
from pyzn_pipeline.defs.partitions import utc_days
from pyzn_pipeline.defs.resources import DaySource, Store
from pyzn_pipeline.defs.table import source_table
from pyzn_pipeline.environment import SettingsError
from pyzn_pipeline.exports.defs import export_asset, export_sensor
from pyzn_pipeline.exports.mirror import Mirror
from pyzn_pipeline.maintenance.defs import packing_schedule, retention_schedule
from pyzn_pipeline.monitoring.defs import alert_sensors, ledger_checks, ledger_sensor
from pyzn_pipeline.rankings.defs import ranking_sensor, summary_assets
from pyzn_pipeline.reading.defs import READ, daily_schedule, days_asset, view_assets
from pyzn_pipeline.recounts.defs import RECOUNT, recount_check
from pyzn_pipeline.settings import Settings, load
from pyzn_pipeline.wanted_days.defs import repair_sensor


def build_defs(settings: Settings, **resources: Any) -> Definitions:
    """Return all Dagster definitions of PyZn. `resources` replace, by name, the ones made from the settings."""
    partitions = utc_days(settings.first_day)
    mirror = Mirror(settings.mirror_url) if settings.mirror_url is not None else None
    breakdowns = known(settings.breakdowns)
    schedules = [daily_schedule(), packing_schedule(settings.packed_tablespace)]
    if settings.retention_days is not None:
        schedules.append(retention_schedule(settings.retention_days, settings.export_url))
    assets: list[AssetsDefinition | AssetSpec] = [
        source_table(
            partitions,
            settings.bigquery_table if mirror is None else mirror.name,
            mirrored=mirror is not None,
            emulator=settings.bigquery_endpoint is not None,
        ),
        days_asset(partitions, settings.first_day, settings.bigquery_table if mirror is None else None, breakdowns),
        *view_assets(partitions, settings.api_url, breakdowns),
        summary_assets(partitions, settings.first_day, settings.api_url),
    ]
    sensors = [
        repair_sensor(settings.first_day, settings.repair_from, mirror),
        ranking_sensor(settings.first_day),
        ledger_sensor(),
        *alert_sensors(settings),
    ]
    if settings.export_url is not None:
        assets.append(export_asset(partitions, settings.export_url, breakdowns))
        sensors.append(export_sensor(settings.export_url, settings.first_day))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BetaWarning)  # of the links from each asset to its code
        linked = with_source_code_references(assets)
    return Definitions(
        assets=linked,
        asset_checks=[recount_check(), *ledger_checks()],
        jobs=[READ, RECOUNT, backfill_cost_job(settings.first_day, settings.breakdowns)],
        schedules=schedules,
        sensors=sensors,
        executor=in_process_executor,  # a run has one step: a separate process for it would only add its start-up time
        resources={
            "source": DaySource.of(settings),
            "store": Store(database_url=EnvVar("PYZN_DATABASE_URL")),  # an EnvVar: the UI shows its name, not its value
            **resources,
        },
    )


@definitions
def defs() -> Definitions:
    """The entry point of the code location. Reads the environment when Dagster calls it, not at import."""
    try:
        return build_defs(load(Settings))
    except SettingsError as error:
        raise ClickException(str(error)) from None  # Dagster's commands print it without a trace
