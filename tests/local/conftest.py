"""A running emulator with the real clients connected to it."""

import datetime as dt
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import grpc
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import requests
from google.api_core.exceptions import from_http_response
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery
from google.cloud.bigquery_storage_v1 import BigQueryReadClient
from google.cloud.bigquery_storage_v1.services.big_query_read.transports import BigQueryReadGrpcTransport

from pyzn_local import sample
from pyzn_local.bigquery import Server
from tests.days import Download, raw_rows

TABLE = "bigquery-public-data.pypi.file_downloads"
MONDAY = dt.date(2026, 7, 6)
SUNDAY = dt.date(2026, 7, 5)
ODD_DAY = dt.date(2026, 7, 1)
ON_THE_ODD_DAY = "FROM {table} WHERE DATE(timestamp) = '2026-07-01'"
ODD_ROWS = raw_rows(
    ODD_DAY,
    [  # NULLs, quotes, unicode and names that normalise to the same project
        Download("Foo.Bar", ci=True),
        Download("foo__bar", country=None),
        Download("foo-bar", None, "DE", installer=None),
        Download("FOO-._bar", 'a"quo\\te', installer="uv", ci=True),
        Download("foo.bar", "é中🚀"),
        Download("foo.bar", "1.0\n\t", "us"),
        Download("solo", None, None, installer=None),
        Download("", "2", "ZZ", installer="Browser"),
    ],
)


@cache
def sampled(day: dt.date) -> pa.Table:
    """The first rows of a day's sample: more than a page of REST, and than a batch of the Storage Read API."""
    return sample.day(day).slice(0, 12_000)


def parquet(rows: pa.Table, **options: Any) -> bytes:
    """A Parquet file; `options` are pyarrow's."""
    file = io.BytesIO()
    pq.write_table(rows, file, **options)
    return file.getvalue()


@dataclass(frozen=True)
class Connected:
    """An emulator and the clients that talk to it."""

    server: Server
    client: bigquery.Client
    storage: BigQueryReadClient

    def query(self, sql: str, **options: Any) -> bigquery.QueryJob:
        """Start `sql`; `{table}` in it is the downloads table."""
        return self.client.query(sql.replace("{table}", f"`{TABLE}`"), **options)

    def rows(self, sql: str, **options: Any) -> list[tuple[Any, ...]]:
        """The rows of `sql` over REST."""
        return [tuple(row.values()) for row in self.query(sql, **options).result()]

    def partitions(self) -> dict[str, tuple[int, int]]:
        """The rows and the bytes of each partition, by its id."""
        view = "`bigquery-public-data.pypi.INFORMATION_SCHEMA.PARTITIONS`"
        found = self.rows(f"SELECT partition_id, total_rows, total_logical_bytes FROM {view}")
        return {name: (rows, size) for name, rows, size in found}

    def post(self, body: bytes, **headers: str) -> requests.Response:
        """The emulator's answer to the rows of a file, as `pyzn seed` sends them."""
        return requests.post(f"{self.server.endpoint}/rows", data=body, headers=headers, timeout=60)

    def load(self, rows: pa.Table, **options: Any) -> int:
        """Load rows as `pyzn seed` does. Raises BadRequest."""
        answer = self.post(parquet(rows, **options))
        if not answer.ok:
            raise from_http_response(answer)
        return int(answer.json()["rows"])


@contextmanager
def connected(server: Server) -> Iterator[Connected]:
    """The clients of `server`, without the options that the pipeline gives them."""
    client = bigquery.Client(
        project="someone", credentials=AnonymousCredentials(), client_options={"api_endpoint": server.endpoint}
    )
    with grpc.insecure_channel(server.storage_endpoint) as channel:
        yield Connected(server, client, BigQueryReadClient(transport=BigQueryReadGrpcTransport(channel=channel)))
    client.close()


@pytest.fixture(scope="session")
def bq(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connected]:
    """Two sampled days and the odd one; for tests that only read."""
    with Server(tmp_path_factory.mktemp("bigquery")) as server, connected(server) as found:
        for rows in (sampled(MONDAY), sampled(SUNDAY), ODD_ROWS):
            server.load(rows)
        yield found


@pytest.fixture(scope="session")
def shared_bq(emulator: Server) -> Iterator[Connected]:
    """The clients behind `own_bq`."""
    with connected(emulator) as found:
        yield found


@pytest.fixture
def own_bq(shared_bq: Connected) -> Connected:
    """One sampled day; for a test that loads or breaks things."""
    shared_bq.server.reset()
    shared_bq.server.load(sampled(MONDAY))
    return shared_bq
