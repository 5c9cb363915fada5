"""Tables: their metadata, what can be loaded into them, and that it stays."""

import datetime as dt
import io
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from google.api_core.exceptions import BadRequest, NotFound
from google.cloud import bigquery
from google.cloud.bigquery import client as bigquery_client

from pyzn_local import sample
from pyzn_local.bigquery import Server
from tests.local.conftest import MONDAY, ODD_DAY, SUNDAY, TABLE, Connected, connected, midnight, odd_rows

EVERYTHING = "SELECT COUNT(*) FROM {table} WHERE timestamp >= '2000-01-01'"
UTC = pa.timestamp("us", tz="UTC")


def load(bq: Connected, rows: pa.Table, table: str = TABLE, **options: Any) -> bigquery.LoadJob:
    file = io.BytesIO()
    pq.write_table(rows, file)
    config = bigquery.LoadJobConfig(source_format="PARQUET", **({"write_disposition": "WRITE_APPEND"} | options))
    job = bq.client.load_table_from_file(file, table, rewind=True, job_config=config)
    job.result()
    return job


def one_row(**columns: Any) -> dict[str, list[Any]]:
    return {"timestamp": [midnight(ODD_DAY)]} | {name: [value] for name, value in columns.items()}


def test_the_downloads_table_describes_itself(bq: Connected) -> None:
    table = bq.client.get_table(TABLE)
    assert (table.time_partitioning.type_, table.time_partitioning.field) == ("DAY", "timestamp")
    assert table.require_partition_filter is True
    assert table.num_rows == sum(sample.day(day).num_rows for day in (MONDAY, SUNDAY)) + len(odd_rows())
    assert table.description is not None
    assert "SYNTHETIC" in table.description
    details = {field.name: field for field in table.schema}["details"]
    assert {field.name for field in details.fields} >= {"installer", "distro", "ci", "rustc_version"}


def test_a_partition_has_its_own_counts(bq: Connected) -> None:
    partition = bq.client.get_table(f"{TABLE}$20260705")
    assert partition.num_rows == sample.day(SUNDAY).num_rows
    assert partition.num_bytes is not None
    assert 0 < partition.num_bytes < (bq.client.get_table(TABLE).num_bytes or 0)
    assert bq.client.get_table(f"{TABLE}$20260704").num_rows == 0
    with pytest.raises(BadRequest, match="Invalid partition id"):
        bq.client.get_table(f"{TABLE}$20261399")


def test_datasets_and_tables_that_do_not_exist_are_not_found(bq: Connected) -> None:
    assert bq.client.get_dataset("bigquery-public-data.pypi").location == "US"
    with pytest.raises(NotFound, match="Not found: Dataset bigquery-public-data:nope"):
        bq.client.get_dataset("bigquery-public-data.nope")
    with pytest.raises(NotFound, match=r"Not found: Table bigquery-public-data:pypi\.nope"):
        bq.client.get_table("bigquery-public-data.pypi.nope")


def test_columns_and_fields_that_a_file_lacks_are_null(own_bq: Connected) -> None:
    job = load(own_bq, odd_rows())
    assert job.output_rows == len(odd_rows())
    [row] = own_bq.rows(
        "SELECT COUNT(url), COUNT(details.cpu), COUNT(details.distro.libc.version), COUNT(file.filename), "
        "COUNT(file.project), COUNT(*) FROM {table} WHERE DATE(timestamp) = '2026-07-01'"
    )
    assert row == (0, 0, 0, 0, 7, 8)


@pytest.mark.parametrize("chunk", [None, 256 * 1024], ids=["one chunk", "several chunks"])
def test_a_resumable_upload_loads_the_same_rows(
    own_bq: Connected, monkeypatch: pytest.MonkeyPatch, chunk: int | None
) -> None:
    monkeypatch.setattr(bigquery_client, "_MAX_MULTIPART_SIZE", 1)  # the client takes the other way from 8 MB on
    if chunk:
        monkeypatch.setattr(bigquery_client, "_DEFAULT_CHUNKSIZE", chunk)
    rows = sample.day(SUNDAY)
    assert load(own_bq, rows).output_rows == rows.num_rows
    [(total,)] = own_bq.rows(EVERYTHING)
    assert total == rows.num_rows + sample.day(MONDAY).num_rows


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (one_row(country_code=1), "Field country_code has changed type from STRING to INTEGER"),
        (one_row(file={"version": 1.5}), r"Field file\.version has changed type from STRING to FLOAT"),
        (one_row(file="x"), "Field file has changed type from RECORD to STRING"),
        (one_row(details={"ci": "true"}), r"Field details\.ci has changed type from BOOLEAN to STRING"),
        (one_row(nope="x"), r"Cannot add fields \(field: nope, type: STRING\)"),
        (one_row(file={"nope": True}), r"Cannot add fields \(field: file\.nope, type: BOOLEAN\)"),
        ({"country_code": ["US"]}, r"Field timestamp \(TIMESTAMP\) is REQUIRED and missing"),
        ({"timestamp": ["2026-07-01"]}, "Field timestamp has changed type from TIMESTAMP to STRING"),
        ({"timestamp": [dt.datetime(2026, 7, 1)]}, "Field timestamp has changed type"),  # noqa: DTZ001
        ({"timestamp": pa.array([midnight(ODD_DAY), None], UTC)}, "column timestamp .* is REQUIRED, and is NULL in 1"),
    ],
)
def test_a_file_of_another_shape_is_refused_whole(bq: Connected, rows: dict[str, Any], message: str) -> None:
    before = bq.rows(EVERYTHING)
    with pytest.raises(BadRequest, match=message):
        load(bq, pa.table(rows))
    assert bq.rows(EVERYTHING) == before


def test_only_parquet_is_appended_and_only_to_tables_that_exist(bq: Connected) -> None:
    with pytest.raises(NotFound, match="Not found: Dataset someone:somewhere"):
        load(bq, odd_rows(), "someone.somewhere.something")
    with pytest.raises(BadRequest, match="WRITE_TRUNCATE is not supported"):
        load(bq, odd_rows(), write_disposition="WRITE_TRUNCATE")
    csv = bigquery.LoadJobConfig(source_format="CSV")
    with pytest.raises(BadRequest, match="CSV is not supported"):
        bq.client.load_table_from_file(io.BytesIO(b"a,b\n"), TABLE, job_config=csv)
    parquet = bigquery.LoadJobConfig(source_format="PARQUET")
    with pytest.raises(BadRequest, match="not a Parquet file"):
        bq.client.load_table_from_file(io.BytesIO(b"a,b\n"), TABLE, job_config=parquet).result()


def test_a_late_load_changes_a_day_and_its_price(own_bq: Connected) -> None:
    before = own_bq.client.get_table(f"{TABLE}$20260706")
    late = odd_rows().set_column(0, "timestamp", pa.array([midnight(MONDAY)] * len(odd_rows()), UTC))
    load(own_bq, late)
    after = own_bq.client.get_table(f"{TABLE}$20260706")
    assert (after.num_rows or 0) - (before.num_rows or 0) == len(odd_rows())
    assert (after.num_bytes or 0) > (before.num_bytes or 0)


def test_loaded_rows_survive_a_restart_and_results_do_not(tmp_path: Path) -> None:
    with Server(tmp_path) as server, connected(server) as bq:
        load(bq, odd_rows())
        job = bq.query(EVERYTHING)
        before = bq.client.get_table(TABLE)
        assert [tuple(row.values()) for row in job.result()] == [(8,)]
    with Server(tmp_path) as server, connected(server) as bq:
        after = bq.client.get_table(TABLE)
        assert bq.rows(EVERYTHING) == [(8,)]
        assert (after.num_rows, after.num_bytes) == (before.num_rows, before.num_bytes)
        with pytest.raises(NotFound, match="Not found: Job"):
            bq.client.get_job(job.job_id)
        assert len(list((tmp_path / "results").iterdir())) == 1


def test_a_day_can_be_forgotten_with_what_it_costs(own_bq: Connected) -> None:
    sunday = sample.day(SUNDAY)
    own_bq.server.load(sunday)
    own_bq.server.forget(MONDAY)
    assert own_bq.rows(EVERYTHING) == [(sunday.num_rows,)]
    assert own_bq.client.get_table(TABLE).num_rows == sunday.num_rows


def test_a_server_that_is_reset_is_empty_and_has_no_faults(own_bq: Connected) -> None:
    own_bq.server.inject({"refuse": [{"route": "jobs.insert", "times": 100}], "unpartitioned_rows": 3})
    own_bq.server.reset()
    assert own_bq.rows(EVERYTHING) == [(0,)]
    assert own_bq.client.get_table(TABLE).num_bytes == 0
    assert load(own_bq, odd_rows()).output_rows == len(odd_rows())
    assert own_bq.rows(EVERYTHING) == [(8,)]
