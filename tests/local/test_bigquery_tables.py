"""Rows that can be loaded into the table, and that they stay."""

import datetime as dt
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from google.api_core.exceptions import BadRequest, NotFound

from pyzn_local import sample
from pyzn_local.bigquery import Server
from tests.local.conftest import MONDAY, ODD_ROWS, ON_THE_ODD_DAY, SUNDAY, Connected, connected, sampled

EVERYTHING = "SELECT COUNT(*) FROM {table} WHERE timestamp >= '1970-01-01'"
UTC = pa.timestamp("us", tz="UTC")
MIDNIGHT = dt.datetime(2026, 7, 1, tzinfo=dt.UTC)
NAIVE = MIDNIGHT.replace(tzinfo=None)  # a file may have such times
INT96 = {"use_deprecated_int96_timestamps": True}


def one_row(**columns: Any) -> pa.Table:
    return pa.table({"timestamp": [MIDNIGHT]} | {name: [value] for name, value in columns.items()})


def ninth(time: object, kind: pa.DataType) -> pa.Table:
    """Eight right times, and that one."""
    right = pa.array([MIDNIGHT] * 8, UTC).cast(kind)
    return pa.table({"timestamp": pa.concat_arrays([right, pa.array([time], kind)])})


def test_a_column_that_a_file_lacks_or_has_without_any_value_is_null(own_bq: Connected) -> None:
    pandas_index = {"__index_level_0__": 7}
    assert own_bq.load(one_row(file={"project": "a"}, url=None, **pandas_index)) == 1
    [row] = own_bq.rows(
        "SELECT COUNT(url), COUNT(details.cpu), COUNT(details.distro.libc.version), COUNT(file.filename), "
        f"COUNT(file.project), COUNT(*) {ON_THE_ODD_DAY}"
    )
    assert row == (0, 0, 0, 0, 1, 1)


def test_a_large_file_is_loaded(own_bq: Connected) -> None:
    rows = pa.concat_tables([sample.day(SUNDAY), sample.day(SUNDAY)])  # more than a row group of DuckDB's
    assert own_bq.load(rows) == rows.num_rows
    assert own_bq.rows(EVERYTHING) == [(rows.num_rows + sampled(MONDAY).num_rows,)]


@pytest.mark.parametrize(
    ("times", "options"),
    [
        (pa.array([NAIVE], pa.timestamp("us")), {}),
        (pa.array([NAIVE], pa.timestamp("ns")), INT96),
        (pa.array([MIDNIGHT], pa.timestamp("ms", tz="Europe/Berlin")), {}),
        (pa.array([1_782_864_000_000_000_999], pa.timestamp("ns", tz="UTC")), {}),  # cut, as BigQuery does
    ],
    ids=["no zone", "INT96", "another zone", "nanoseconds"],
)
def test_a_time_is_the_same_instant_in_utc(own_bq: Connected, times: pa.Array, options: dict[str, Any]) -> None:
    own_bq.load(pa.table({"timestamp": times}), **options)
    assert own_bq.rows("SELECT timestamp FROM {table} WHERE timestamp < '2026-07-06'") == [(MIDNIGHT,)]


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        (ninth(MIDNIGHT.replace(9999), UTC), {}, r"row 9: timestamp 9999-07-01T00:00.*to 2099"),
        (ninth(2**62, pa.timestamp("ms", tz="UTC")), {}, r"row 9: timestamp 146140482-04-24"),
        (ninth(-(2**62), pa.timestamp("ms")), {}, r"row 9: timestamp -"),
        (ninth(1_782_864_000, UTC), {}, "row 9: timestamp 1970-01-01T00:29"),  # seconds instead of microseconds
        (ninth(2**56, pa.timestamp("us")), INT96, "row 9: timestamp 4253-"),
        (ninth(None, UTC), {}, "row 9: column timestamp is REQUIRED, and is NULL"),
        (pa.table({"country_code": ["US"]}), {}, "row 1: column timestamp is REQUIRED"),
        (pa.table({"timestamp": ["2026-07-01"]}), {}, "Field timestamp has changed type from TIMESTAMP to STRING"),
        (one_row(country_code=1), {}, "Field country_code has changed type from STRING to INTEGER"),
        (one_row(file={"version": 1.5}), {}, r"Field file\.version has changed type from STRING to FLOAT"),
        (one_row(details={"ci": "true"}), {}, r"Field details\.ci has changed type from BOOLEAN to STRING"),
        (one_row(file=[1]), {}, "Field file has changed type from RECORD to list"),
        (one_row(file={"nope": True}), {}, r"Cannot add field file\.nope"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_whole_by_its_row_or_column(
    bq: Connected, rows: pa.Table, options: dict[str, Any], message: str
) -> None:
    before = bq.rows(EVERYTHING)
    with pytest.raises(BadRequest, match=message):
        bq.load(rows, **options)
    assert bq.rows(EVERYTHING) == before


@pytest.mark.parametrize("body", [b"", b"a,b\n", b"PAR1" * 10])
def test_only_parquet_is_loaded(bq: Connected, body: bytes) -> None:
    answer = bq.post(body)
    assert answer.status_code == 400
    assert "not a Parquet file" in answer.json()["error"]["message"]


def test_a_server_that_is_reset_is_empty_and_has_no_faults(own_bq: Connected) -> None:
    own_bq.server.inject({"refuse": [{"route": "jobs.insert", "times": 100}], "unpartitioned_rows": 3})
    own_bq.server.reset()
    assert own_bq.rows(EVERYTHING) == [(0,)]
    own_bq.load(ODD_ROWS)
    assert own_bq.partitions().keys() == {"20260701"}


def test_loaded_rows_survive_a_restart_and_jobs_do_not(tmp_path: Path) -> None:
    with Server(tmp_path) as server, connected(server) as bq:
        bq.load(ODD_ROWS)
        job = bq.query(EVERYTHING)
        assert [row.values() for row in job.result()] == [(8,)]
    with Server(tmp_path) as server, connected(server) as bq:
        assert bq.rows(EVERYTHING) == [(8,)]
        with pytest.raises(NotFound, match="Not found: Job"):
            bq.client.get_job(job.job_id)
        assert len(list((tmp_path / "results").iterdir())) == 1
