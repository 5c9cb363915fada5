"""Dry runs cost what BigQuery would charge, a cap stops a query before it runs, and metadata has rows and bytes."""

import datetime as dt

import pyarrow as pa
import pytest
from google.api_core.exceptions import GoogleAPICallError
from google.cloud import bigquery

from tests.local.conftest import MONDAY, ODD_DAY, SUNDAY, Connected, odd_rows, sampled

MIB = 1024 * 1024
ON_THE_ODD_DAY = "FROM {table} WHERE DATE(timestamp) = '2026-07-01'"


def text_bytes(values: pa.ChunkedArray) -> int:
    """2 and its UTF-8 bytes for each text, nothing for NULL."""
    return sum(2 + len(text.encode()) for text in values.to_pylist() if text is not None)


def dry_run(bq: Connected, sql: str) -> bigquery.QueryJob:
    return bq.query(sql, job_config=bigquery.QueryJobConfig(dry_run=True))


ROWS = odd_rows().flatten().flatten().flatten()
TIMESTAMPS = 8 * len(ROWS)
COUNTRIES = text_bytes(ROWS["country_code"])
PROJECTS = text_bytes(ROWS["file.project"])
VERSIONS = text_bytes(ROWS["file.version"])
INSTALLERS = text_bytes(ROWS["details.installer.name"])
CI = len(ROWS) - ROWS["details.ci"].null_count


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT 1", 0),
        (f"SELECT COUNT(*) {ON_THE_ODD_DAY}", TIMESTAMPS),
        (f"SELECT country_code {ON_THE_ODD_DAY}", TIMESTAMPS + COUNTRIES),
        (f"SELECT COUNT(*) {ON_THE_ODD_DAY} AND country_code = 'US' LIMIT 1", TIMESTAMPS + COUNTRIES),
        (f"SELECT file.version {ON_THE_ODD_DAY}", TIMESTAMPS + VERSIONS),
        (f"SELECT file {ON_THE_ODD_DAY}", TIMESTAMPS + VERSIONS + PROJECTS),
        (f"SELECT COUNTIF(details.ci), MAX(details.installer.name) {ON_THE_ODD_DAY}", TIMESTAMPS + CI + INSTALLERS),
        ("SELECT country_code FROM (SELECT * {odd_day})".replace("{odd_day}", ON_THE_ODD_DAY), TIMESTAMPS + COUNTRIES),
    ],
)
def test_a_dry_run_counts_the_leaves_of_the_columns_used(bq: Connected, sql: str, expected: int) -> None:
    assert dry_run(bq, sql).total_bytes_processed == expected


def test_every_partition_touched_counts_in_full(bq: Connected) -> None:
    def rows(*days: dt.date) -> int:
        return sum(len(odd_rows()) if day == ODD_DAY else sampled(day).num_rows for day in days)

    for bounds, days in [
        ("timestamp >= '2026-07-06 01:00:00' AND timestamp < '2026-07-07'", [MONDAY]),
        ("timestamp >= '2026-07-05' AND timestamp < '2026-07-06'", [SUNDAY]),
        ("timestamp >= '2026-07-05' AND timestamp <= '2026-07-06 01:00'", [SUNDAY, MONDAY]),
        ("timestamp > '2026-07-05 23:59:59.999999'", [MONDAY]),
        ("DATE(timestamp) < '2026-07-06'", [ODD_DAY, SUNDAY]),
        ("DATE(timestamp) > '2026-07-01' AND country_code = 'US' AND timestamp < '2026-07-06'", [SUNDAY]),
        ("timestamp >= '2026-08-01'", []),
        ("timestamp >= CAST(NULL AS TIMESTAMP)", []),
    ]:
        sql = "SELECT COUNT(timestamp) FROM {table} WHERE {bounds}".replace("{bounds}", bounds)
        expected = 8 * rows(*days)
        if "country_code" in bounds:
            expected += text_bytes(sampled(SUNDAY)["country_code"])
        assert dry_run(bq, sql).total_bytes_processed == expected, bounds


def test_a_dry_run_knows_the_schema_and_runs_nothing(bq: Connected) -> None:
    job = dry_run(bq, f"SELECT country_code AS country, COUNT(*) AS n {ON_THE_ODD_DAY} GROUP BY country")
    assert [(field.name, field.field_type) for field in job.schema or ()] == [("country", "STRING"), ("n", "INTEGER")]
    assert (job.state, job.dry_run, list(job.result())) == ("DONE", True, [])


def test_a_finished_job_reports_what_it_read_and_was_billed(bq: Connected) -> None:
    job = bq.query(f"SELECT country_code {ON_THE_ODD_DAY}")
    job.result()
    assert job.total_bytes_processed == TIMESTAMPS + COUNTRIES
    assert job.total_bytes_billed == 10 * MIB
    assert job.created <= job.started <= job.ended


def test_a_query_over_its_cap_fails_with_bigquerys_words(bq: Connected) -> None:
    config = bigquery.QueryJobConfig(maximum_bytes_billed=10 * MIB - 1)
    job = bq.query(f"SELECT country_code {ON_THE_ODD_DAY}", job_config=config)
    words = f"Query exceeded limit for bytes billed: {10 * MIB - 1}. {10 * MIB} or higher required."
    with pytest.raises(GoogleAPICallError, match=words) as failed:
        job.result()
    assert failed.value.errors[0]["reason"] == "bytesBilledLimitExceeded"
    job.reload()  # the error may have come with the results, before the job was looked at
    assert job.error_result is not None
    assert job.error_result["reason"] == "bytesBilledLimitExceeded"

    enough = bigquery.QueryJobConfig(maximum_bytes_billed=10 * MIB)
    assert len(bq.rows(f"SELECT country_code {ON_THE_ODD_DAY}", job_config=enough)) == len(ROWS)


def test_every_partition_has_its_rows_and_bytes_for_the_least_price(bq: Connected) -> None:
    assert {name: rows for name, (rows, _) in bq.partitions().items()} == {
        f"{ODD_DAY:%Y%m%d}": len(odd_rows()),
        f"{SUNDAY:%Y%m%d}": sampled(SUNDAY).num_rows,
        f"{MONDAY:%Y%m%d}": sampled(MONDAY).num_rows,
    }
    whole = dry_run(bq, f"SELECT * {ON_THE_ODD_DAY}").total_bytes_processed
    assert bq.partitions()[f"{ODD_DAY:%Y%m%d}"] == (len(odd_rows()), whole)
    job = bq.query("SELECT table_name FROM `bigquery-public-data.pypi.INFORMATION_SCHEMA.PARTITIONS`")
    assert {tuple(row) for row in job.result()} == {("file_downloads",)}
    assert (job.total_bytes_processed, job.total_bytes_billed) == (0, 10 * MIB)
