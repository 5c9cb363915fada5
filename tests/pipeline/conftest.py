"""The real BigQuery clients on the emulator, the real store, and the code location over both."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from dagster import (
    DagsterInstance,
    DagsterRun,
    DagsterRunStatus,
    Definitions,
    ExecuteInProcessResult,
    RunRequest,
    build_sensor_context,
    materialize,
)
from dagster._core.definitions.selector import PartitionRangeSelector, PartitionsByAssetSelector, PartitionsSelector
from dagster._core.definitions.sensor_definition import SensorExecutionData
from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill
from dagster._core.instance import InstanceType
from dagster._core.launcher.sync_in_memory_run_launcher import SyncInMemoryRunLauncher
from dagster._core.remote_origin import GrpcServerCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin
from dagster._core.run_coordinator import RunCoordinator
from dagster._core.storage.event_log import InMemoryEventLogStorage
from dagster._core.storage.noop_compute_log_manager import NoOpComputeLogManager
from dagster._core.storage.root import LocalArtifactStorage
from dagster._core.storage.runs import InMemoryRunStorage
from pydantic import SecretStr
from sqlalchemy import Engine

from pyzn_local.bigquery.server import Server
from pyzn_pipeline.days import PARTITION, RANGE_END, RANGE_START, days_of_tags
from pyzn_pipeline.definitions import build_defs
from pyzn_pipeline.defs.resources import Store
from pyzn_pipeline.instance.run_coordinator import READING_ASSET, DayFirstRunCoordinator
from pyzn_pipeline.settings import Settings
from pyzn_pipeline.source.bigquery import BigQuery
from pyzn_pipeline.source.connection import Clients
from tests.api.conftest import Clock, serving, settings
from tests.conftest import Database
from tests.days import Download, raw_rows
from tests.store.publishing import change

TABLE = "bigquery-public-data.pypi.file_downloads"
LOCATION = GrpcServerCodeLocationOrigin("127.0.0.1", port=9, location_name="pyzn")  # nothing is sent there
ORIGIN = RemoteJobOrigin(RemoteRepositoryOrigin(LOCATION, "__repository__"), "daily_downloads")  # of a queued run


def memory_instance(folder: Path, run_coordinator: RunCoordinator | None = None, **settings: Any) -> DagsterInstance:
    """A Dagster instance in memory, where a run takes a fifth of its time, with the deployment's run coordinator."""
    return DagsterInstance(
        instance_type=InstanceType.EPHEMERAL,
        local_artifact_storage=LocalArtifactStorage(str(folder)),
        run_storage=InMemoryRunStorage(),
        event_storage=InMemoryEventLogStorage(),
        compute_log_manager=NoOpComputeLogManager(),
        run_coordinator=run_coordinator or DayFirstRunCoordinator(),
        run_launcher=SyncInMemoryRunLauncher(),
        settings=settings,
    )


def code_location(bigquery: Server, database: Database, **settings: Any) -> Definitions:
    """The code location as it is, on the emulator and the test's database; `settings` are added or replaced."""
    wanted: dict[str, Any] = {
        "database_url": SecretStr(database.owner_url),
        "bigquery_project": "pyzn-test",
        "bigquery_endpoint": bigquery.endpoint,
        "bigquery_storage_endpoint": bigquery.storage_endpoint,
        "first_day": date(2026, 1, 1),
    }
    return build_defs(Settings(**wanted | settings), store=Store(database_url=database.owner_url))


def api_after(day: date, database: Database) -> AbstractContextManager[httpx.Client]:
    """The API on the database, two days after `day`."""
    return serving(settings(database.api_url), Clock(datetime.combine(day + timedelta(days=2), time(), UTC)))


def span(first: date, last: date) -> dict[str, str]:
    """The tags of a run of these days."""
    return {RANGE_START: str(first), RANGE_END: str(last)}


def evaluated(
    defs: Definitions, instance: DagsterInstance, sensor: str, cursor: str | None = None
) -> SensorExecutionData:
    """One tick of a sensor."""
    repository = defs.get_repository_def()
    context = build_sensor_context(
        instance=instance, cursor=cursor, repository_def=repository, resources=dict(defs.resources or {})
    )
    return repository.get_sensor_def(sensor).evaluate_tick(context)


def carried_out(
    defs: Definitions, instance: DagsterInstance, requests: list[RunRequest]
) -> list[ExecuteInProcessResult]:
    """The runs that a sensor has requested."""
    return [
        defs.resolve_job_def(request.job_name or "export").execute_in_process(
            instance=instance,
            partition_key=request.partition_key,
            tags=dict(request.tags) | ({"dagster/run_key": request.run_key} if request.run_key else {}),
            raise_on_error=False,
        )
        for request in requests
    ]


def days_of(requests: list[RunRequest]) -> list[date]:
    """The days that runs are requested to read, run by run."""
    days: list[date] = []
    for request in requests:
        if request.job_name == "daily_downloads":
            tags = {PARTITION: request.partition_key, **request.tags}
            days += days_of_tags({k: str(v) for k, v in tags.items() if v}).days
    return days


@dataclass(frozen=True)
class Pipeline:
    """A deployment: source, code location, Dagster and database. By itself, the calendar asks for no day."""

    defs: Definitions
    instance: DagsterInstance
    bigquery: Server
    database: Database
    store: Engine

    def with_settings(self, **settings: Any) -> "Pipeline":
        """The same with another code location."""
        return replace(self, defs=code_location(self.bigquery, self.database, **settings))

    def load(self, downloads: Sequence[Download], *days: date) -> None:
        """Add the downloads to each of the days at the source."""
        for day in days:
            self.bigquery.load(raw_rows(day, downloads))

    def run(
        self, first: date, last: date | None = None, selection: Sequence[str] = (READING_ASSET.to_user_string(),)
    ) -> ExecuteInProcessResult:
        """One run of the range from `first` to `last`, as a backfill launches it, or of one day."""
        return materialize(
            list(self.defs.assets or []),  # type: ignore[arg-type]  # specs and definitions, as Definitions takes them
            selection=selection,
            resources=dict(self.defs.resources or {}),
            instance=self.instance,
            partition_key=None if last else str(first),
            tags=span(first, last) if last else None,
            raise_on_error=False,
        )

    def execute(self, job: str, **options: Any) -> ExecuteInProcessResult:
        """One run of a job."""
        return self.defs.resolve_job_def(job).execute_in_process(
            instance=self.instance, raise_on_error=False, **options
        )

    def add_run(
        self, status: DagsterRunStatus, tags: dict[str, str], job: str = "daily_downloads", **options: Any
    ) -> DagsterRun:
        """A run in that state, as Dagster's storage holds it."""
        return self.instance.add_run(DagsterRun(job, status=status, tags=tags, remote_job_origin=ORIGIN, **options))

    def add_backfill(
        self,
        first: date,
        last: date,
        backfill_id: str,
        status: BulkActionStatus = BulkActionStatus.REQUESTED,
        ago: timedelta = timedelta(),
    ) -> None:
        """A backfill of these days that Dagster has taken, and its state."""
        days = PartitionsSelector(ranges=[PartitionRangeSelector(start=str(first), end=str(last))])
        made = PartitionBackfill.from_partitions_by_assets(
            backfill_id=backfill_id,
            asset_graph=self.defs.get_repository_def().asset_graph,
            backfill_timestamp=(datetime.now(UTC) - ago).timestamp(),
            tags={},
            dynamic_partitions_store=self.instance,
            partitions_by_assets=[PartitionsByAssetSelector(asset_key=READING_ASSET, partitions=days)],
            title=None,
            description=None,
            run_config=None,
        )
        self.instance.add_backfill(made._replace(status=status))

    def requests(self, job: str | None = None) -> list[RunRequest]:
        """The runs that `keep_days_true` requests now, or those of one job."""
        found = evaluated(self.defs, self.instance, "keep_days_true").run_requests or []
        return [request for request in found if job in {None, request.job_name}]

    def requested_days(self) -> list[date]:
        """The days that it requests now."""
        return days_of(self.requests())

    def days_requested_later(self) -> list[date]:
        """The days that it requests once every wait is over, and not before."""
        assert not self.requests()
        self.a_month_passes()
        return self.requested_days()

    def repaired(self) -> list[date]:
        """Let it have its way until it requests nothing more; the days it read, in order."""
        read = []
        while requests := self.requests():
            carried_out(self.defs, self.instance, requests)
            read += days_of(requests)
        return read

    def a_month_passes(self) -> None:
        """No failed day has to wait any longer."""
        change(self.store, "UPDATE pyzn.wanted SET next_attempt_at = next_attempt_at - interval '1 month'")


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[DagsterInstance]:
    """A Dagster instance in memory."""
    with memory_instance(tmp_path) as made:
        yield made


@pytest.fixture
def pipeline(bigquery: Server, database: Database, store: Engine, instance: DagsterInstance) -> Pipeline:
    defs = code_location(bigquery, database, repair_from=date.max)
    return Pipeline(defs, instance, bigquery, database, store)


@pytest.fixture
def source(clients: Clients) -> BigQuery:
    """The emulator's table as the source of the pipeline."""
    return BigQuery(clients, TABLE, 2**40)


def materialized(result: ExecuteInProcessResult) -> dict[tuple[str, str], dict[str, Any]]:
    """The metadata of each materialization, by asset and partition."""
    return {
        (event.asset_key.to_user_string(), str(event.partition)): {
            name: entry.value for name, entry in event.step_materialization_data.materialization.metadata.items()
        }
        for event in result.get_asset_materialization_events()
        if event.asset_key
    }


def failure_of(result: ExecuteInProcessResult) -> str:
    """The error of the one step that failed, with its causes."""
    (failed,) = [event.step_failure_data for event in result.all_events if event.is_step_failure]
    assert failed.error is not None
    return str(failed.error)
