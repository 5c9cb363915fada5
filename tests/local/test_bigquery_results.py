"""The pipeline's kind of rows, by every way to read them; with BigQuery's faults too.

Faults of other requests are tested with what meets them, in tests/pipeline: test_scan.py, test_count.py.
"""

import datetime as dt
from typing import Any

import pytest
from google.api_core.exceptions import InvalidArgument
from google.cloud.bigquery_storage_v1 import types
from pydantic import ValidationError

from tests.local.conftest import MONDAY, Connected, sampled

pytestmark = pytest.mark.filterwarnings("ignore:Retrieving DataFrames:PendingDeprecationWarning")

MONDAY_IN_ORDER = "FROM {table} WHERE DATE(timestamp) = '2026-07-06' ORDER BY timestamp"
ROWS = f"SELECT timestamp, country_code, file, details.ci AS ci {MONDAY_IN_ORDER}"
TIMES = f"SELECT timestamp {MONDAY_IN_ORDER}"


def test_rest_and_storage_read_give_the_same_table(bq: Connected) -> None:
    job = bq.query(ROWS + " LIMIT 900")
    by_storage = job.result().to_arrow(bqstorage_client=bq.storage)
    by_rest = job.result().to_arrow(create_bqstorage_client=False)
    assert by_storage.num_rows == job.result().total_rows == 900
    assert by_storage.equals(by_rest)
    assert by_storage.schema.equals(by_rest.schema)
    frame = job.result().to_dataframe(bqstorage_client=bq.storage)
    assert frame["timestamp"].to_list() == by_rest["timestamp"].to_pylist()


def test_every_scalar_type_survives_both_ways(bq: Connected) -> None:
    job = bq.query(
        "SELECT 9007199254740993 AS i, CAST(0.1 AS FLOAT64) AS f, TRUE AS b, 'é' AS s, DATE '2026-07-06' AS d, "
        "TIMESTAMP '2026-07-06 12:00:00.123456+00' AS t, CAST(NULL AS STRING) AS n, SUM(1) AS sum"
    )
    moment = dt.datetime(2026, 7, 6, 12, 0, 0, 123456, dt.UTC)
    expected = (9007199254740993, 0.1, True, "é", dt.date(2026, 7, 6), moment, None, 1)
    assert tuple(next(iter(job.result())).values()) == expected
    table = job.result().to_arrow(bqstorage_client=bq.storage)
    assert tuple(table.to_pylist()[0].values()) == expected
    assert [str(kind) for kind in table.schema.types] == [
        "int64", "double", "bool", "string", "date32[day]", "timestamp[us, tz=UTC]", "string", "int64",
    ]  # fmt: skip


def test_pages_are_as_long_as_asked_for_and_cover_everything(bq: Connected) -> None:
    job = bq.query(TIMES + " LIMIT 500")
    everything = [row.timestamp for row in job.result()]
    again: Any = bq.client.get_job(job.job_id)  # a job object keeps the first page that it was asked for
    pages = [[row.timestamp for row in page] for page in again.result(page_size=150).pages]
    assert [len(page) for page in pages] == [150, 150, 150, 50]
    assert [moment for page in pages for moment in page] == everything


def test_messages_stay_under_the_default_limit_of_grpc(bq: Connected) -> None:
    # 12,000 rows of more than 1 kB; a client refuses messages above 4 MB.
    wide = "SELECT REPLACE(REPEAT('x', 40), 'x', TO_JSON_STRING(file.filename)) AS wide FROM {table} WHERE {day}"
    job = bq.query(wide.replace("{day}", "DATE(timestamp) = '2026-07-06'"))
    table = job.result().to_arrow(bqstorage_client=bq.storage)
    assert table.num_rows == sampled(MONDAY).num_rows
    assert table.nbytes > 12_000_000


def test_formats_other_than_arrow_and_tables_that_are_no_results_are_refused(bq: Connected) -> None:
    job = bq.query("SELECT 1 AS one")
    job.result()
    for table, data_format, words in [
        (job.destination.to_bqstorage(), types.DataFormat.AVRO, "ARROW"),
        ("projects/p/datasets/d/tables/t", types.DataFormat.ARROW, "not the result of a query"),
    ]:
        session = types.ReadSession(table=table, data_format=data_format)
        with pytest.raises(InvalidArgument, match=words):
            bq.storage.create_read_session(parent="projects/someone", read_session=session)


def test_a_cut_stream_is_resumed_without_losing_or_doubling_a_row(own_bq: Connected) -> None:
    rows = own_bq.query(TIMES).result()
    own_bq.server.inject({"cut_stream_after_rows": 777, "cut_stream_times": 3})
    found = rows.to_arrow(bqstorage_client=own_bq.storage)
    assert found["timestamp"].to_pylist() == sampled(MONDAY)["timestamp"].to_pylist()


@pytest.mark.parametrize("by_page", [False, True])
def test_a_lost_batch_or_page_leaves_fewer_rows_than_the_job_reports(own_bq: Connected, by_page: bool) -> None:
    def read() -> tuple[int, int]:
        rows = own_bq.query(TIMES).result()
        found = len(list(rows)) if by_page else rows.to_arrow(bqstorage_client=own_bq.storage).num_rows
        return found, rows.total_rows

    own_bq.server.inject({"lose_page": True})
    found, reported = read()
    assert 0 < found < reported
    assert read() == (reported, reported)


def test_a_fault_that_is_not_understood_is_refused_by_name(bq: Connected) -> None:
    with pytest.raises(ValidationError, match=r"(?s)refuse\.0\.route.*lose_pages"):
        bq.server.inject({"refuse": [{"route": "jobs.instert"}], "lose_pages": True})
