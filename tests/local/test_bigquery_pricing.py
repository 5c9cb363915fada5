"""Dry runs cost what BigQuery would charge, a cap stops a query before it runs, and metadata has rows and bytes."""

import pyarrow as pa
import pytest
from google.api_core.exceptions import GoogleAPICallError
from google.cloud.bigquery import QueryJob, QueryJobConfig

from tests.local.conftest import MONDAY, ODD_DAY, ODD_ROWS, ON_THE_ODD_DAY, SUNDAY, Connected, sampled

MIB = 1024 * 1024
ROWS = {ODD_DAY: len(ODD_ROWS), SUNDAY: sampled(SUNDAY).num_rows, MONDAY: sampled(MONDAY).num_rows}
ODD = ODD_ROWS.flatten().flatten().flatten()


def text_bytes(values: pa.ChunkedArray) -> int:
    """2 and its UTF-8 bytes for each text, nothing for NULL."""
    return sum(2 + len(text.encode()) for text in values.to_pylist() if text is not None)


def dry_run(bq: Connected, sql: str) -> QueryJob:
    return bq.query(sql, job_config=QueryJobConfig(dry_run=True))


TIMESTAMPS = 8 * len(ODD)
COUNTRIES = text_bytes(ODD["country_code"])
VERSIONS = text_bytes(ODD["file.version"])
FILES = VERSIONS + text_bytes(ODD["file.project"]) + text_bytes(ODD["file.filename"])
INSTALLERS = text_bytes(ODD["details.installer.name"])
CI = len(ODD) - ODD["details.ci"].null_count
IN_US = "DATE(timestamp) > '2026-07-01' AND country_code = 'US' AND timestamp < '2026-07-06'"
COUNT = "SELECT COUNT(timestamp) FROM {table} WHERE"


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        # The leaves of the columns that are used.
        ("SELECT 1", 0),
        (f"SELECT COUNT(*) {ON_THE_ODD_DAY}", TIMESTAMPS),
        (f"SELECT country_code {ON_THE_ODD_DAY}", TIMESTAMPS + COUNTRIES),
        (f"SELECT COUNT(*) {ON_THE_ODD_DAY} AND country_code = 'US' LIMIT 1", TIMESTAMPS + COUNTRIES),
        (f"SELECT file.version {ON_THE_ODD_DAY}", TIMESTAMPS + VERSIONS),
        (f"SELECT file {ON_THE_ODD_DAY}", TIMESTAMPS + FILES),
        (f"SELECT COUNTIF(details.ci), MAX(details.installer.name) {ON_THE_ODD_DAY}", TIMESTAMPS + CI + INSTALLERS),
        (f"SELECT country_code FROM (SELECT * {ON_THE_ODD_DAY})", TIMESTAMPS + COUNTRIES),
        # All rows of each partition that is touched.
        (f"{COUNT} timestamp >= '2026-07-06 01:00:00' AND timestamp < '2026-07-07'", 8 * ROWS[MONDAY]),
        (f"{COUNT} timestamp >= '2026-07-05' AND timestamp < '2026-07-06'", 8 * ROWS[SUNDAY]),
        (f"{COUNT} timestamp >= '2026-07-05' AND timestamp <= '2026-07-06 01:00'", 8 * (ROWS[SUNDAY] + ROWS[MONDAY])),
        (f"{COUNT} timestamp > '2026-07-05 23:59:59.999999'", 8 * ROWS[MONDAY]),
        (f"{COUNT} DATE(timestamp) < '2026-07-06'", 8 * (ROWS[ODD_DAY] + ROWS[SUNDAY])),
        (f"{COUNT} {IN_US}", 8 * ROWS[SUNDAY] + text_bytes(sampled(SUNDAY)["country_code"])),
        (f"{COUNT} timestamp >= '2026-08-01'", 0),
        (f"{COUNT} timestamp >= CAST(NULL AS TIMESTAMP)", 0),
        (f"{COUNT} timestamp BETWEEN '2026-07-01' AND '2026-07-01 23:59:59.999999'", TIMESTAMPS),
        (f"{COUNT} TIMESTAMP '2026-07-02' > timestamp", TIMESTAMPS),
        (f"{COUNT} timestamp < TIMESTAMP_ADD(TIMESTAMP '2026-07-01', INTERVAL 24 HOUR)", TIMESTAMPS),
        (f"{COUNT} TIMESTAMP_TRUNC(timestamp, DAY) = TIMESTAMP '2026-07-01'", TIMESTAMPS),
        (
            f"WITH a AS (SELECT * FROM {{table}}) {COUNT.replace('{table}', 'a')} DATE(timestamp) = '2026-07-01'",
            TIMESTAMPS,
        ),
    ],
)
def test_a_dry_run_counts_the_columns_used_in_every_partition_touched(bq: Connected, sql: str, expected: int) -> None:
    assert dry_run(bq, sql).total_bytes_processed == expected


def test_a_dry_run_has_the_schema_and_runs_nothing(bq: Connected) -> None:
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
    sql = f"SELECT country_code {ON_THE_ODD_DAY}"
    job = bq.query(sql, job_config=QueryJobConfig(maximum_bytes_billed=10 * MIB - 1))
    words = f"Query exceeded limit for bytes billed: {10 * MIB - 1}. {10 * MIB} or higher required."
    with pytest.raises(GoogleAPICallError, match=words) as failed:
        job.result()
    assert failed.value.errors[0]["reason"] == "bytesBilledLimitExceeded"
    job.reload()  # the error may have come with the results, before the job was looked at
    assert job.error_result is not None
    assert job.error_result["reason"] == "bytesBilledLimitExceeded"
    assert len(bq.rows(sql, job_config=QueryJobConfig(maximum_bytes_billed=10 * MIB))) == len(ODD)


def test_every_partition_has_its_rows_and_bytes_for_the_least_price(bq: Connected) -> None:
    found = bq.partitions()
    assert {name: rows for name, (rows, _) in found.items()} == {f"{day:%Y%m%d}": rows for day, rows in ROWS.items()}
    assert found[f"{ODD_DAY:%Y%m%d}"][1] == dry_run(bq, f"SELECT * {ON_THE_ODD_DAY}").total_bytes_processed
    job = bq.query("SELECT table_name FROM `bigquery-public-data.pypi.INFORMATION_SCHEMA.PARTITIONS`")
    assert {tuple(row) for row in job.result()} == {("file_downloads",)}
    assert (job.total_bytes_processed, job.total_bytes_billed) == (0, 10 * MIB)
