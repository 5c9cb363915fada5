"""The real BigQuery clients on the emulator, the real store, and the code location over both."""

from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from dagster import DagsterInstance, Definitions, ExecuteInProcessResult, materialize
from dagster._core.instance import InstanceType
from dagster._core.launcher.sync_in_memory_run_launcher import SyncInMemoryRunLauncher
from dagster._core.run_coordinator import RunCoordinator
from dagster._core.storage.event_log import InMemoryEventLogStorage
from dagster._core.storage.noop_compute_log_manager import NoOpComputeLogManager
from dagster._core.storage.root import LocalArtifactStorage
from dagster._core.storage.runs import InMemoryRunStorage
from pydantic import SecretStr

from pyzn_local.bigquery.server import Server
from pyzn_pipeline.definitions import build_defs
from pyzn_pipeline.defs.resources import Store
from pyzn_pipeline.instance.run_coordinator import READING_ASSET, DayFirstRunCoordinator
from pyzn_pipeline.settings import Settings
from tests.conftest import Database

TABLE = "bigquery-public-data.pypi.file_downloads"


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


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[DagsterInstance]:
    """A Dagster instance in memory."""
    with memory_instance(tmp_path) as made:
        yield made


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


def run(
    defs: Definitions,
    instance: DagsterInstance,
    first: date,
    last: date | None = None,
    selection: Sequence[str] = (READING_ASSET.to_user_string(),),
) -> ExecuteInProcessResult:
    """One run of the range from `first` to `last`, as a backfill launches it, or of one day."""
    assert defs.resources is not None
    bounds = {"dagster/asset_partition_range_start": str(first), "dagster/asset_partition_range_end": str(last)}
    return materialize(
        list(defs.assets or []),  # type: ignore[arg-type]  # specs and definitions, as Definitions takes them
        selection=selection,
        resources=dict(defs.resources),
        instance=instance,
        partition_key=None if last else str(first),
        tags=bounds if last else None,
        raise_on_error=False,
    )


def materialized(result: ExecuteInProcessResult) -> dict[tuple[str, str], dict[str, Any]]:
    """The metadata of each materialization, by asset and partition."""
    return {
        (event.asset_key.to_user_string(), str(event.partition)): {
            name: entry.value for name, entry in event.step_materialization_data.materialization.metadata.items()
        }
        for event in result.get_asset_materialization_events()
        if event.asset_key
    }
