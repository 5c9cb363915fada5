"""What can be loaded into the table, and that it stays."""

import datetime as dt
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from google.api_core.exceptions import BadRequest, NotFound

from pyzn_local import sample
from pyzn_local.bigquery import Server
from tests.local.conftest import MONDAY, ODD_DAY, SUNDAY, Connected, connected, midnight, odd_rows, sampled

EVERYTHING = "SELECT COUNT(*) FROM {table} WHERE timestamp >= '1970-01-01'"
UTC = pa.timestamp("us", tz="UTC")
NAIVE = dt.datetime(2026, 7, 1)  # noqa: DTZ001  # a file may have such times


def one_row(**columns: Any) -> dict[str, list[Any]]:
    return {"timestamp": [midnight(ODD_DAY)]} | {name: [value] for name, value in columns.items()}


def test_what_a_file_lacks_or_has_without_any_value_is_null(own_bq: Connected) -> None:
    rows = odd_rows().append_column("url", pa.nulls(8)).append_column("tls_cipher", pa.nulls(8, pa.string()))
    rows = rows.append_column("__index_level_0__", pa.array(range(8)))  # as pandas writes its index
    assert own_bq.load(rows) == len(odd_rows())
    [row] = own_bq.rows(
        "SELECT COUNT(url), COUNT(details.cpu), COUNT(details.distro.libc.version), COUNT(file.filename), "
        "COUNT(file.project), COUNT(*) FROM {table} WHERE DATE(timestamp) = '2026-07-01'"
    )
    assert row == (0, 0, 0, 0, 7, 8)


def test_a_large_file_is_loaded(own_bq: Connected) -> None:
    rows = pa.concat_tables([sample.day(SUNDAY), sample.day(SUNDAY)])  # more than a row group of DuckDB's
    assert own_bq.load(rows) == rows.num_rows
    assert own_bq.rows("SELECT COUNT(file.project) FROM {table} WHERE timestamp >= '2026-01-01'") == [
        (rows.num_rows + sampled(MONDAY).num_rows,)
    ]


@pytest.mark.parametrize(
    ("times", "options"),
    [
        (pa.array([NAIVE], pa.timestamp("us")), {}),
        (pa.array([NAIVE], pa.timestamp("ns")), {"use_deprecated_int96_timestamps": True}),
        (pa.array([NAIVE.replace(tzinfo=dt.UTC)], pa.timestamp("ms", tz="Europe/Berlin")), {}),
        (pa.array([1_782_864_000_000_000_999], pa.timestamp("ns", tz="UTC")), {}),  # cut, as BigQuery does
    ],
    ids=["no zone", "INT96", "another zone", "nanoseconds"],
)
def test_a_time_is_the_same_instant_in_utc(own_bq: Connected, times: pa.Array, options: dict[str, Any]) -> None:
    own_bq.load(pa.table({"timestamp": times}), **options)
    assert own_bq.rows("SELECT timestamp FROM {table} WHERE timestamp < '2026-07-06'") == [(midnight(ODD_DAY),)]


@pytest.mark.parametrize(
    ("times", "options", "message"),
    [
        (pa.array([dt.datetime(9999, 12, 31, tzinfo=dt.UTC)], UTC), {}, r"row 9: timestamp 9999-12-31T00:00.*to 2099"),
        (pa.array([2**62], pa.timestamp("ms", tz="UTC")), {}, r"row 9: timestamp 146140482-04-24"),
        (pa.array([-(2**62)], pa.timestamp("ms")), {}, r"row 9: timestamp -"),
        (pa.array([1_782_864_000], UTC), {}, "row 9: timestamp 1970-01-01T00:29"),  # seconds taken for microseconds
        (pa.array([2**56], pa.timestamp("us")), {"use_deprecated_int96_timestamps": True}, "row 9: timestamp 4253-"),
        (pa.array([None], UTC), {}, "row 9: column timestamp is REQUIRED, and is NULL"),
    ],
)
def test_a_time_that_no_download_has_is_refused_by_its_row(
    own_bq: Connected, times: pa.Array, options: dict[str, Any], message: str
) -> None:
    right = pa.array([midnight(ODD_DAY)] * 8, UTC).cast(times.type)
    with pytest.raises(BadRequest, match=message):
        own_bq.load(pa.table({"timestamp": pa.concat_arrays([right, times])}), **options)
    assert own_bq.rows(EVERYTHING) == [(sampled(MONDAY).num_rows,)]  # none of its rows, and days can be read


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (one_row(country_code=1), "Field country_code has changed type from STRING to INTEGER"),
        (one_row(file={"version": 1.5}), r"Field file\.version has changed type from STRING to FLOAT"),
        (one_row(details={"ci": "true"}), r"Field details\.ci has changed type from BOOLEAN to STRING"),
        (one_row(file=[1]), "Field file has changed type from RECORD to list"),
        (one_row(file={"nope": True}), r"Cannot add field file\.nope"),
        ({"country_code": ["US"]}, "row 1: column timestamp is REQUIRED"),
        ({"timestamp": ["2026-07-01"]}, "Field timestamp has changed type from TIMESTAMP to STRING"),
    ],
)
def test_a_file_of_another_shape_is_refused_whole(bq: Connected, rows: dict[str, Any], message: str) -> None:
    before = bq.rows(EVERYTHING)
    with pytest.raises(BadRequest, match=message):
        bq.load(pa.table(rows))
    assert bq.rows(EVERYTHING) == before


@pytest.mark.parametrize("body", [b"", b"a,b\n", b"PAR1" * 10])
def test_only_parquet_is_loaded(bq: Connected, body: bytes) -> None:
    answer = bq.post(body)
    assert answer.status_code == 400
    assert "not a Parquet file" in answer.json()["error"]["message"]


def test_loaded_rows_survive_a_restart_and_jobs_do_not(tmp_path: Path) -> None:
    with Server(tmp_path) as server, connected(server) as bq:
        bq.load(odd_rows())
        job = bq.query(EVERYTHING)
        assert [tuple(row.values()) for row in job.result()] == [(8,)]
    with Server(tmp_path) as server, connected(server) as bq:
        assert bq.rows(EVERYTHING) == [(8,)]
        with pytest.raises(NotFound, match="Not found: Job"):
            bq.client.get_job(job.job_id)
        assert len(list((tmp_path / "results").iterdir())) == 1


def test_a_server_that_is_reset_is_empty_and_has_no_faults(own_bq: Connected) -> None:
    own_bq.server.inject({"refuse": [{"route": "jobs.insert", "times": 100}], "unpartitioned_rows": 3})
    own_bq.server.reset()
    assert own_bq.rows(EVERYTHING) == [(0,)]
    assert own_bq.load(odd_rows()) == len(odd_rows())
    assert own_bq.partitions().keys() == {"20260701"}
    own_bq.server.forget(ODD_DAY)
    assert own_bq.partitions() == {}
