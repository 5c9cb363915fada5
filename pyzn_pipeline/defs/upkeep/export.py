"""The export in Dagster: the asset of exported days, and the sensor that keeps it up to date.

The sensor compares the ledger with the index of the export. So it sees every change of a day, and starts again where a
killed run stopped.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from zlib import crc32

from dagster import (
    AssetDep,
    AssetExecutionContext,
    AssetMaterialization,
    AssetsDefinition,
    AssetSelection,
    AssetSpec,
    DailyPartitionsDefinition,
    DefaultSensorStatus,
    Failure,
    MetadataValue,
    RunRequest,
    RunsFilter,
    SensorDefinition,
    SensorEvaluationContext,
    SkipReason,
    define_asset_job,
    multi_asset,
    sensor,
)

from pyzn_pipeline.breakdowns import BREAKDOWNS
from pyzn_pipeline.days import ranges
from pyzn_pipeline.defs.day.requests import UNFINISHED_RUNS
from pyzn_pipeline.defs.partitions import BACKFILL_POLICY, DAYS_A_RUN
from pyzn_pipeline.defs.presentation import DATA_VERSION, GROUP, OWNERS
from pyzn_pipeline.defs.resources import Store
from pyzn_pipeline.errors import PyznError
from pyzn_pipeline.exports.places import place_of
from pyzn_pipeline.store.exporting import Exportable
from pyzn_pipeline.upkeep.export import ExportRefused, due_for_export, export_days

EXPORTED_DAYS = "exported_days"


def export_asset(partitions: DailyPartitionsDefinition, url: str) -> AssetsDefinition:
    """The asset: one op that exports each day of the run's range whose line in the index is not current."""
    place = place_of(url)

    @multi_asset(
        name="export_of_a_day",
        specs=[
            AssetSpec(
                EXPORTED_DAYS,
                deps=[AssetDep(breakdown.view) for breakdown in BREAKDOWNS],
                kinds={"parquet"},
                description=(
                    f"Published days as Parquet files at `{place.name}`: for everybody to read, and for other PyZn to "
                    "mirror. docs/export.md describes them.\n\nThe sensor `export_what_has_changed` exports a day when "
                    "its line in the ledger has changed. A day that is there already is not written again."
                ),
                metadata={"index": MetadataValue.text(f"{place.name}/index.json")},
                skippable=True,  # the op logs each day's materialization itself
                partitions_def=partitions,
                group_name=GROUP,
                owners=OWNERS,
            )
        ],
        backfill_policy=BACKFILL_POLICY,
    )
    def export_of_a_day(context: AssetExecutionContext, store: Store) -> Iterator[AssetMaterialization]:
        days = [date.fromisoformat(key) for key in context.partition_keys]
        refused: list[str] = []
        done: list[date] = []
        with store.engine() as engine:
            for exported in export_days(engine, place, min(days), max(days)):
                if isinstance(exported, ExportRefused):
                    refused.append(str(exported))
                    context.log.error(str(exported))
                    continue
                entry = exported.entry
                done.append(entry.day)
                yield AssetMaterialization(
                    EXPORTED_DAYS,
                    partition=str(entry.day),
                    metadata={
                        "revision": entry.revision,
                        "status": entry.status,
                        "downloads": entry.downloads,
                        "bytes written": exported.bytes,
                        "day.json": f"{place.name}/{entry.file.path}",
                    },
                    tags={DATA_VERSION: f"{entry.day} revision {entry.revision} {entry.status}"},
                )
        if refused or not done:
            said = refused or [f"none of the days is published: {ranges(days)}: pyzn backfill {min(days)} {max(days)}"]
            raise Failure("\n".join(said), allow_retries=False)

    return export_of_a_day


def export_sensor(url: str, first_day: date) -> SensorDefinition:
    """The sensor, RUNNING by default. Only days from `first_day` on have partitions."""
    job = define_asset_job(
        "export",
        selection=AssetSelection.assets(EXPORTED_DAYS),
        description="Exports published days. Reads only Postgres, not BigQuery.",
    )

    @sensor(
        job=job,
        minimum_interval_seconds=60,
        default_status=DefaultSensorStatus.RUNNING,
        description="Exports the days whose line in the ledger has changed since they were exported, newest first, "
        f"{DAYS_A_RUN} days a run.",
    )
    def export_what_has_changed(context: SensorEvaluationContext, store: Store) -> RunRequest | SkipReason:
        if context.instance.get_runs_count(RunsFilter(job_name=job.name, statuses=UNFINISHED_RUNS)):
            return SkipReason("an export is not finished")
        hour = f"{datetime.now(UTC):%Y-%m-%dT%H}"
        try:
            with store.engine() as engine:
                due = [published for published in due_for_export(engine, place_of(url)) if published.day >= first_day]
        except PyznError as error:  # the run fails with it too: alerts report failed runs, not ticks
            context.log.error(str(error))  # noqa: TRY400 - an expected error: the traceback adds nothing
            yesterday = datetime.now(UTC).date() - timedelta(days=1)
            return RunRequest(run_key=f"{error} {hour}", partition_key=str(yesterday))
        for window in _windows(due):
            # The key limits retries: what could not be exported is tried again when it changes, or after an hour.
            key = f"{window[-1].day} {crc32(repr(window).encode()):08x} {hour}"
            if not context.instance.get_runs_count(RunsFilter(job_name=job.name, tags={"dagster/run_key": key})):
                first, last = str(window[0].day), str(window[-1].day)
                tags = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
                return RunRequest(run_key=key, tags=tags)
        waiting = ranges([published.day for published in due])
        return SkipReason(f"not exported, tried again after an hour: {waiting}" if due else "every day is exported")

    return export_what_has_changed


def _windows(due: Sequence[Exportable]) -> Iterator[list[Exportable]]:
    """`due`, which is in order, in parts within DAYS_A_RUN days, the newest first."""
    left = list(due)
    while left:
        first = left[-1].day - timedelta(days=DAYS_A_RUN - 1)
        yield [published for published in left if published.day >= first]
        left = [published for published in left if published.day < first]
