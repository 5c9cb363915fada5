"""The export in Dagster: the asset of exported days, and the sensor that keeps it up to date.

The sensor compares the ledger with the index of the export. So it sees every change of a day, and starts again where a
killed run stopped.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zlib import crc32

from dagster import (
    AssetExecutionContext,
    AssetMaterialization,
    AssetsDefinition,
    AssetSelection,
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

from pyzn_pipeline.breakdowns import Breakdown
from pyzn_pipeline.days import ranges
from pyzn_pipeline.defs.partitions import BACKFILL_POLICY, DAYS_A_RUN, ensure_partitions
from pyzn_pipeline.defs.presentation import CODE_VERSION, DATA_VERSION, SCHEMA, asset_spec, code_version, columns
from pyzn_pipeline.defs.resources import Store
from pyzn_pipeline.defs.runs import UNFINISHED_RUNS
from pyzn_pipeline.errors import PyznError
from pyzn_pipeline.exports import writing
from pyzn_pipeline.exports.storage import storage_at
from pyzn_pipeline.exports.writing import ExportRefused, due_for_export, export_days
from pyzn_pipeline.instance.run_coordinator import READING_ASSET
from pyzn_pipeline.store.database import text_of

EXPORTED_DAYS = "exported_days"
EXPORT_VERSION = code_version(text_of("unpack", writing.__file__).decode())


def export_asset(
    partitions: DailyPartitionsDefinition, url: str, breakdowns: tuple[Breakdown, ...]
) -> AssetsDefinition:
    """Return the asset: one op that exports each day of the run's range whose line in the index is not current."""
    storage = storage_at(url)
    spec = asset_spec(
        EXPORTED_DAYS,
        deps=[READING_ASSET],
        kinds={"parquet"},
        description=(
            f"Published days as Parquet files at `{storage.name}`: for everybody to read, and for other PyZn to "
            "mirror. docs/export.md describes them.\n\nThe sensor `export_what_has_changed` exports a day when its "
            "line in the ledger has changed. A day that is there already is not written again."
        ),
        metadata={
            "index": MetadataValue.text(f"{storage.name}/index.json"),
            SCHEMA: columns(
                day="date",
                project="string",
                downloads="int64",
                **{key.name: "string" for b in breakdowns for key in b.keys},
            ),
        },
        code_version=EXPORT_VERSION,
        skippable=True,  # the op logs each day's materialization itself
        partitions_def=partitions,
    )

    @multi_asset(name="export_of_a_day", specs=[spec], backfill_policy=BACKFILL_POLICY)
    def export_of_a_day(context: AssetExecutionContext, store: Store) -> Iterator[AssetMaterialization]:
        ensure_partitions(context)
        days = [date.fromisoformat(key) for key in context.partition_keys]
        refused: list[str] = []
        exported = 0
        with store.engine() as engine:
            for result in export_days(engine, storage, min(days), max(days)):
                if isinstance(result, ExportRefused):
                    refused.append(str(result))
                    context.log.error(str(result))
                    continue
                entry = result.entry
                exported += 1
                yield AssetMaterialization(
                    EXPORTED_DAYS,
                    partition=str(entry.day),
                    metadata={
                        "revision": entry.revision,
                        "status": entry.status,
                        "downloads": entry.downloads,
                        "bytes written": result.bytes,
                        **({"dagster/row_count": result.rows} if result.bytes else {}),
                        "day.json": f"{storage.name}/{entry.file.path}",
                    },
                    tags={
                        DATA_VERSION: f"{entry.day} revision {entry.revision} {entry.status}",
                        CODE_VERSION: EXPORT_VERSION,
                    },
                )
        if not exported and not refused:
            refused = [f"none of the days is published: {ranges(days)}: pyzn backfill {min(days)} {max(days)}"]
        if refused:
            raise Failure("\n".join(refused), allow_retries=False)

    return export_of_a_day


def export_sensor(url: str, first_day: date) -> SensorDefinition:
    """Return the sensor, RUNNING by default. Only days from `first_day` on have partitions."""
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
                due = [row for row in due_for_export(engine, storage_at(url)) if row.day >= first_day]
        except PyznError as error:  # the run fails with it too: alerts report failed runs, not ticks
            context.log.error(str(error))  # noqa: TRY400 - an expected error: the traceback adds nothing
            yesterday = datetime.now(UTC).date() - timedelta(days=1)
            return RunRequest(run_key=f"{error} {hour}", partition_key=str(yesterday))
        left = due
        while left:
            window = [row for row in left if row.day > left[-1].day - timedelta(days=DAYS_A_RUN)]
            left = left[: -len(window)]
            first, last = str(window[0].day), str(window[-1].day)
            # The key limits retries: what could not be exported is tried again when it changes, or after an hour.
            key = f"{last} {crc32(repr(window).encode()):08x} {hour}"
            if not context.instance.get_runs_count(RunsFilter(job_name=job.name, tags={"dagster/run_key": key})):
                tags = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
                return RunRequest(run_key=key, tags=tags)
        waiting = ranges([row.day for row in due])
        return SkipReason(f"not exported, tried again after an hour: {waiting}" if due else "every day is exported")

    return export_what_has_changed
