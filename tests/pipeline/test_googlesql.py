"""Google's own SQL engine takes every statement that is sent to BigQuery, and returns the columns that are expected."""

from collections.abc import Sequence
from datetime import date, timedelta
from importlib.resources import files
from typing import Any

import pyarrow as pa
import pytest
from google.cloud.bigquery import ScalarQueryParameter

from pyzn_local.bigquery.server import Server
from pyzn_pipeline.source.connection import Clients
from pyzn_pipeline.source.count import count_days
from pyzn_pipeline.source.scan import SCHEMA, scan
from tests import googlesql
from tests.pipeline.conftest import TABLE

DAY = date(2026, 7, 14)
LIMIT = 2**40
ARROW = {"STRING": pa.string(), "INT64": pa.int64(), "DATE": pa.date32()}
COLUMNS = {"scan_day.sql": SCHEMA, "count_days.sql": pa.schema([("day", pa.date32()), ("downloads", pa.int64())])}

Sent = dict[str, Sequence[ScalarQueryParameter]]


@pytest.fixture
def sent(clients: Clients, bigquery: Server, monkeypatch: pytest.MonkeyPatch) -> Sent:
    """Every statement of a scan that had to be run again without its order, and of a count, with its parameters."""
    query, found = clients.jobs.query, {}

    def noted(sql: str, **options: Any) -> Any:
        found[sql] = options["job_config"].query_parameters
        return query(sql, **options)

    monkeypatch.setattr(clients.jobs, "query", noted)
    bigquery.inject({"sort_exceeds_resources": True})
    scan(clients, TABLE, DAY, LIMIT)
    bigquery.clear_faults()
    count_days(clients, TABLE, [DAY, DAY + timedelta(days=2)], LIMIT)
    return found


@pytest.mark.parametrize(("file", "texts"), [("scan_day.sql", 2), ("count_days.sql", 1)])
def test_google_takes_a_statement_and_returns_the_columns_that_are_read(sent: Sent, file: str, texts: int) -> None:
    comment = files("pyzn_pipeline.source").joinpath(file).read_text(encoding="utf-8").splitlines()[0]
    statements = {sql: parameters for sql, parameters in sent.items() if sql.startswith(comment)}
    assert len(statements) == texts
    for sql, parameters in statements.items():
        returned = googlesql.columns(sql, parameters).items()
        assert pa.schema([(name, ARROW[kind]) for name, kind in returned]) == COLUMNS[file]


def test_every_file_with_a_statement_is_among_them() -> None:
    assert {file.name for file in files("pyzn_pipeline.source").iterdir() if file.name.endswith(".sql")} == set(COLUMNS)
