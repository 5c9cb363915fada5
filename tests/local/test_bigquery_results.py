"""The pipeline's kind of query gives the right rows, by every way to read them."""

import datetime as dt
import json
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from google.cloud import bigquery
from google.cloud.bigquery_storage_v1 import types

from pyzn_local import sample
from tests.local.conftest import EMPTY_DAY, MONDAY, ODD_DAY, SUNDAY, Connected, midnight, odd_rows

pytestmark = [
    pytest.mark.filterwarnings("ignore:Retrieving Arrow record batches:PendingDeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Retrieving DataFrames:PendingDeprecationWarning"),
]

BREAKDOWNS = """
    WITH downloads AS (
      SELECT
        IFNULL(REGEXP_REPLACE(LOWER(file.project), r'[-_.]+', '-'), '(unknown)') AS project,
        IFNULL(file.version, '(unknown)') AS version,
        IFNULL(country_code, '(unknown)') AS country,
        IFNULL(details.installer.name = 'pip', FALSE) AS pip,
        IFNULL(details.ci, FALSE) AS ci
      FROM {table}
      WHERE timestamp >= @start AND timestamp < @end
    ), counts AS (
      SELECT project, version, country,
             COUNT(*) AS downloads, COUNTIF(pip) AS pip_downloads, COUNTIF(ci) AS ci_downloads
      FROM downloads
      GROUP BY GROUPING SETS ((project, version), (project, country), ())
    )
    SELECT
      CASE WHEN version IS NOT NULL THEN 'version' WHEN country IS NOT NULL THEN 'country' ELSE 'day' END AS breakdown,
      project,
      COUNT(*) AS keys,
      SUM(downloads) AS downloads, SUM(pip_downloads) AS pip_downloads, SUM(ci_downloads) AS ci_downloads,
      CONCAT('{', STRING_AGG(
        CONCAT(TO_JSON_STRING(COALESCE(version, country)), ':', CAST(downloads AS STRING)), ','
        ORDER BY COALESCE(version, country)), '}') AS document,
      IF(ANY_VALUE(version) IS NULL, NULL,
         CONCAT('[', STRING_AGG(CAST(pip_downloads AS STRING), ',' ORDER BY version), ']')) AS pip_counts
    FROM counts
    GROUP BY breakdown, project
"""
ROWS = "SELECT timestamp, country_code, file, details.ci AS ci FROM {table} WHERE DATE(timestamp) = '2026-07-06'"


def of_day(day: dt.date) -> bigquery.QueryJobConfig:
    bounds = {"start": midnight(day), "end": midnight(day + dt.timedelta(days=1))}
    return bigquery.QueryJobConfig(
        query_parameters=[bigquery.ScalarQueryParameter(name, "TIMESTAMP", value) for name, value in bounds.items()]
    )


def plain(rows: pa.Table) -> pd.DataFrame:
    """The same rows in pandas, flat, with the pipeline's names for what is unknown."""
    frame = rows.flatten().flatten().flatten().to_pandas()
    project = frame["file.project"].str.lower().str.replace(r"[-_.]+", "-", regex=True)
    return pd.DataFrame(
        {
            "project": project.fillna("(unknown)"),
            "version": frame["file.version"].fillna("(unknown)"),
            "country": frame["country_code"].fillna("(unknown)"),
            "pip": frame["details.installer.name"] == "pip",
            "ci": frame["details.ci"].eq(True),
        }
    )


@pytest.mark.parametrize(
    ("day", "loaded"),
    [(MONDAY, sample.day(MONDAY)), (SUNDAY, sample.day(SUNDAY)), (ODD_DAY, odd_rows())],
    ids=["weekday", "weekend", "odd values"],
)
def test_breakdowns_of_a_day_equal_a_group_by_in_pandas(bq: Connected, day: dt.date, loaded: pa.Table) -> None:
    rows = bq.query(BREAKDOWNS, job_config=of_day(day)).result()
    found = rows.to_arrow(bqstorage_client=bq.storage).to_pylist()
    assert len(found) == rows.total_rows

    expected = plain(loaded)
    total = next(row for row in found if row["breakdown"] == "day")
    assert (total["downloads"], total["project"]) == (len(expected), None)
    assert (total["pip_downloads"], total["ci_downloads"]) == (expected.pip.sum(), expected.ci.sum())
    for kind in ("version", "country"):
        got = {row["project"]: row for row in found if row["breakdown"] == kind}
        groups: Any = expected.groupby("project")
        assert set(got) == set(groups.groups)
        for project, group in groups:
            row = got[project]
            assert json.loads(row["document"]) == group.groupby(kind).size().to_dict()
            assert (row["keys"], row["downloads"]) == (group[kind].nunique(), len(group))
            assert (row["pip_downloads"], row["ci_downloads"]) == (group.pip.sum(), group.ci.sum())
            if kind == "version":  # in the order of the document's keys, which is by code point
                assert list(json.loads(row["document"])) == sorted(set(group.version))
                assert json.loads(row["pip_counts"]) == group.groupby("version").pip.sum().sort_index().to_list()
            else:
                assert row["pip_counts"] is None


def test_an_empty_day_has_no_grand_total(bq: Connected) -> None:
    assert list(bq.query(BREAKDOWNS, job_config=of_day(EMPTY_DAY)).result()) == []


def test_sums_of_integers_are_int64(bq: Connected) -> None:
    schema = {
        field.name: field.field_type for field in bq.query(BREAKDOWNS, job_config=of_day(ODD_DAY)).result().schema
    }
    assert schema["downloads"] == schema["pip_downloads"] == schema["keys"] == "INTEGER"


@pytest.mark.parametrize("sql", [BREAKDOWNS, ROWS + " ORDER BY timestamp LIMIT 3000"], ids=["breakdowns", "structs"])
def test_rest_and_storage_read_give_the_same_table(bq: Connected, sql: str) -> None:
    job = bq.query(sql, job_config=of_day(MONDAY))
    by_storage = job.result().to_arrow(bqstorage_client=bq.storage)
    by_rest = job.result().to_arrow(create_bqstorage_client=False)
    assert by_storage.num_rows == job.result().total_rows > 100
    assert by_storage.equals(by_rest)
    assert by_storage.schema.equals(by_rest.schema)


def test_rows_and_dataframes_agree_with_arrow(bq: Connected) -> None:
    job = bq.query("SELECT timestamp, country_code, details.ci FROM {table} WHERE DATE(timestamp) = '2026-07-01'")
    table = job.result().to_arrow(bqstorage_client=bq.storage)
    assert [dict(row) for row in job.result()] == table.to_pylist()
    frame = job.result().to_dataframe(bqstorage_client=bq.storage)
    assert frame["timestamp"].to_list() == table["timestamp"].to_pylist()
    assert frame["ci"].astype(object).where(frame["ci"].notna(), None).to_list() == table["ci"].to_pylist()


def test_every_scalar_type_survives_both_ways(bq: Connected) -> None:
    job = bq.query(
        "SELECT 9007199254740993 AS i, 0.1 AS f, TRUE AS b, 'é' AS s, DATE '2026-07-06' AS d, "
        "TIMESTAMP '2026-07-06 12:00:00.123456+00' AS t, CAST(NULL AS STRING) AS n"
    )
    moment = dt.datetime(2026, 7, 6, 12, 0, 0, 123456, dt.UTC)
    expected = (9007199254740993, 0.1, True, "é", dt.date(2026, 7, 6), moment, None)
    assert tuple(next(iter(job.result())).values()) == expected
    table = job.result().to_arrow(bqstorage_client=bq.storage)
    assert tuple(table.to_pylist()[0].values()) == expected
    assert [str(kind) for kind in table.schema.types] == [
        "int64", "double", "bool", "string", "date32[day]", "timestamp[us, tz=UTC]", "string",
    ]  # fmt: skip


def test_pages_are_as_long_as_asked_for_and_cover_everything(bq: Connected) -> None:
    job = bq.query(ROWS + " ORDER BY timestamp LIMIT 5000")
    everything = [row.timestamp for row in job.result()]
    assert len(everything) == 5_000
    pages = [[row.timestamp for row in page] for page in bq.again(job).result(page_size=1_500).pages]
    assert [len(page) for page in pages] == [1_500, 1_500, 1_500, 500]
    assert [moment for page in pages for moment in page] == everything
    assert [row.timestamp for row in bq.again(job).result(start_index=10, max_results=5)] == everything[10:15]


def test_a_result_can_be_listed_by_the_name_of_its_table(bq: Connected) -> None:
    job = bq.query("SELECT country_code FROM {table} WHERE DATE(timestamp) = '2026-07-01' ORDER BY timestamp")
    job.result()
    table = bq.client.get_table(job.destination)
    assert table.num_rows == 8
    listed = [row.country_code for row in bq.client.list_rows(table, page_size=3)]
    assert listed == ["US", None, "DE", "US", "US", "us", None, "ZZ"]


@pytest.mark.parametrize(("asked", "given"), [(1, 1), (3, 3)])
def test_streams_divide_a_big_result_as_asked(own_bq: Connected, asked: int, given: int) -> None:
    for day in range(7, 11):
        own_bq.server.load(sample.day(dt.date(2026, 7, day)))
    job = own_bq.query("SELECT timestamp FROM {table} WHERE timestamp >= '2026-07-01' ORDER BY timestamp")
    total = job.result().total_rows
    session = own_bq.storage.create_read_session(
        parent="projects/someone",
        read_session=types.ReadSession(table=job.destination.to_bqstorage(), data_format=types.DataFormat.ARROW),
        max_stream_count=asked,
    )
    assert len(session.streams) == given
    moments: list[dt.datetime] = []
    for stream in session.streams:
        read = own_bq.storage.read_rows(stream.name).to_arrow()["timestamp"].to_pylist()
        assert read == sorted(read)
        moments += read
    assert len(moments) == total
    assert moments == sorted(moments)


def test_messages_stay_under_the_default_limit_of_grpc(bq: Connected) -> None:
    # 20,000 rows of more than 1 kB; a client refuses messages above 4 MB.
    wide = "SELECT REPLACE('xxxxxxxxxx', 'x', TO_JSON_STRING(file.filename)) AS wide FROM {table} WHERE {day}"
    job = bq.query(wide.replace("{day}", "DATE(timestamp) = '2026-07-06'"))
    table = job.result().to_arrow(bqstorage_client=bq.storage)
    assert table.num_rows == sample.day(MONDAY).num_rows
    assert table.nbytes > 5_000_000


def test_formats_other_than_arrow_and_tables_that_are_no_results_are_refused(bq: Connected) -> None:
    job = bq.query("SELECT 1 AS one")
    job.result()
    for table, data_format, words in [
        (job.destination.to_bqstorage(), types.DataFormat.AVRO, "ARROW"),
        ("projects/p/datasets/d/tables/t", types.DataFormat.ARROW, "not the result of a query"),
    ]:
        with pytest.raises(Exception, match=words) as refused:
            bq.storage.create_read_session(
                parent="projects/someone", read_session=types.ReadSession(table=table, data_format=data_format)
            )
        assert type(refused.value).__name__ == "InvalidArgument"
