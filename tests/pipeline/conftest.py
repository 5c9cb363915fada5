"""The real BigQuery clients on the emulator, the real store, and the code location over both."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from dagster import DagsterInstance, Definitions
from pydantic import SecretStr

from pyzn_local.bigquery.server import Server
from pyzn_pipeline.definitions import build_defs
from pyzn_pipeline.defs.resources import Store
from pyzn_pipeline.settings import Settings
from pyzn_pipeline.source.connection import Clients, connect
from tests.conftest import Database

TABLE = "bigquery-public-data.pypi.file_downloads"


@pytest.fixture
def bigquery(tmp_path: Path) -> Iterator[Server]:
    """An empty emulator."""
    with Server(tmp_path / "bigquery") as server:
        yield server


@pytest.fixture
def clients(bigquery: Server) -> Iterator[Clients]:
    """The clients that the pipeline uses, wired to the emulator."""
    clients = connect("pyzn-test", "US", bigquery.endpoint, bigquery.storage_endpoint)
    yield clients
    clients.close()


@pytest.fixture
def instance() -> Iterator[DagsterInstance]:
    """A Dagster instance in memory."""
    with DagsterInstance.ephemeral() as ephemeral:
        yield ephemeral


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
