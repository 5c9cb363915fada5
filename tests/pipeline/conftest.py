"""The real BigQuery clients on the stand-in, and the real store."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pyzn_local.bigquery.server import Server
from pyzn_pipeline.source.connection import Clients, connect

TABLE = "bigquery-public-data.pypi.file_downloads"


@pytest.fixture
def bigquery(tmp_path: Path) -> Iterator[Server]:
    """An empty stand-in."""
    with Server(tmp_path / "bigquery") as server:
        yield server


@pytest.fixture
def clients(bigquery: Server) -> Iterator[Clients]:
    """The clients that the pipeline uses, wired to the stand-in."""
    clients = connect("pyzn-test", "US", bigquery.endpoint, bigquery.storage_endpoint)
    yield clients
    clients.close()
