"""What the emulator makes of SQL: BigQuery's meaning where it answers, BigQuery's refusals where it does not."""

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from google.api_core.exceptions import BadRequest, NotFound
from google.cloud import bigquery

from tests.local.conftest import Connected

ODD = "FROM {table} WHERE DATE(timestamp) = '2026-07-01'"


def test_nulls_come_first_in_ascending_order(bq: Connected) -> None:
    found = bq.rows(f"SELECT DISTINCT country_code {ODD} ORDER BY country_code")
    assert [country for (country,) in found] == [None, "DE", "US", "ZZ", "us"]


def test_unnamed_columns_get_bigquerys_names_and_others_keep_their_case(bq: Connected) -> None:
    rows = bq.query("SELECT 1, 2 AS Two, 3").result()
    assert [field.name for field in rows.schema] == ["f0_", "Two", "f1_"]


def test_joins_unions_and_subqueries_work_over_ctes(bq: Connected) -> None:
    sql = """
        WITH a AS (SELECT country_code AS c, COUNT(*) AS n {from_odd_day} GROUP BY c),
             b AS (SELECT 'US' AS c UNION ALL SELECT 'DE')
        SELECT b.c, a.n FROM b LEFT JOIN a ON a.c = b.c WHERE a.n <= (SELECT MAX(n) FROM a) ORDER BY 1
    """
    found = bq.rows(sql.replace("{from_odd_day}", ODD))
    assert found == [("DE", 1), ("US", 3)]


def test_grouping_by_position_means_the_column_of_the_result(bq: Connected) -> None:
    found = dict(bq.rows(f"SELECT LOWER(country_code) AS country_code, COUNT(*) {ODD} GROUP BY 1"))
    assert found == {"us": 4, "de": 1, "zz": 1, None: 2}


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("STRING", 'it\'s "quoted" \\ é'),
        ("STRING", None),
        ("INT64", -(2**63)),
        ("FLOAT64", 1.5e300),
        ("BOOL", False),
        ("DATE", dt.date(2026, 7, 6)),
        ("TIMESTAMP", dt.datetime(2026, 7, 6, 1, 2, 3, 4, dt.UTC)),
    ],
)
def test_a_parameter_comes_back_as_it_went_in(bq: Connected, kind: str, value: Any) -> None:
    config = bigquery.QueryJobConfig(query_parameters=[bigquery.ScalarQueryParameter("Value", kind, value)])
    assert bq.rows("SELECT @value", job_config=config) == [(value,)]


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("", "Required parameter is missing: query"),
        ("SELEC 1", r'Syntax error: Unexpected "1" at \[1:7\]'),
        ("SELECT (", "Syntax error"),
        ("SELECT 'a", "Syntax error"),
        (f"SELECT nope {ODD}", "Unrecognized name: nope"),
        (f"SELECT file.nope {ODD}", "Unrecognized name: nope"),
        (f"SELECT nope.version {ODD}", "Unrecognized name: nope"),
        (f"SELECT country_code.nope {ODD}", "Cannot extract field 'nope'"),
        (f"SELECT file.project AS project, COUNT(*) {ODD} GROUP BY project", "Column name project is ambiguous at"),
        (f"SELECT LOWER(url) AS url, COUNT(*) {ODD} GROUP BY 1 HAVING url = ''", "Column name url is ambiguous at"),
        (f"SELECT LOWER(url) AS url {ODD} ORDER BY CONCAT(url, '')", "Column name url is ambiguous at"),
        (f"SELECT country_code, COUNT(*) {ODD}", "neither grouped nor aggregated"),
        ("SELECT 1 AS a, 2 AS A", "Duplicate column names"),
        ("SELECT nofunction(1)", r"Function not found: nofunction at \[1:8\]"),
        ("SELECT @missing", "Query parameter 'missing' not found"),
        ("SELECT * FROM nowhere", 'Table "nowhere" must be qualified with a dataset'),
        ("SELECT 1 / (1 - 1)", "division by zero"),
        ("SELECT 9223372036854775807 + 1", "(?i)overflow"),
        ("SELECT " + "(" * 3000 + "1" + ")" * 3000, "too complex"),
    ],
)
def test_bad_sql_is_a_400_that_says_what_is_wrong(bq: Connected, sql: str, message: str) -> None:
    with pytest.raises(BadRequest, match=message):
        bq.rows(sql, retry=None, job_retry=None)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1; SELECT 2",
        "DECLARE x INT64 DEFAULT 1",
        "CREATE TABLE a.b AS SELECT 1 AS one",
        "DROP TABLE {table}",
        "INSERT INTO {table} (country_code) VALUES ('US')",
        "DELETE FROM {table} WHERE TRUE",
        "UPDATE {table} SET country_code = 'US' WHERE TRUE",
        "SELECT * FROM `bigquery-public-data.pypi.file_*` WHERE DATE(timestamp) = '2026-07-01'",
        "SELECT ROW_NUMBER() OVER (ORDER BY 1)",
        "SELECT [1, 2]",
        "SELECT AS STRUCT 1 AS one",
        "SELECT * FROM UNNEST([1, 2])",
        "SELECT CAST(1 AS NUMERIC)",
        "SELECT CAST('1.5' AS INT64)",
        "SELECT CAST(1.0 AS STRING)",
        "SELECT CAST(TIMESTAMP '2026-01-01 00:00:00.5' AS STRING)",
        "SELECT TO_JSON_STRING(1.0)",
        "SELECT TO_JSON_STRING('a', TRUE)",
        "SELECT SUBSTR('abc', 0, 2)",
        "SELECT SUBSTR('abc', -9, 2)",
        "SELECT UPPER('ß')",
        "SELECT TRIM('\\ta')",
        "SELECT EXTRACT(MILLISECOND FROM TIMESTAMP '2026-07-06 01:00:59.9')",
        "SELECT EXTRACT(WEEK FROM DATE '2026-01-01')",
        "SELECT DATE(TIMESTAMP '2026-01-01', 'Europe/Berlin')",
        "SELECT COUNT(*) FROM {table} FOR SYSTEM_TIME AS OF CURRENT_TIMESTAMP() WHERE timestamp >= '2026-07-01'",
        "EXPLAIN SELECT 1",
    ],
)
def test_what_is_not_supported_is_refused_by_name(bq: Connected, sql: str) -> None:
    with pytest.raises(BadRequest, match="not supported"):
        bq.rows(sql, retry=None, job_retry=None)


def test_positional_array_and_legacy_are_refused(bq: Connected) -> None:
    positional = bigquery.QueryJobConfig(query_parameters=[bigquery.ScalarQueryParameter(None, "INT64", 1)])
    array = bigquery.QueryJobConfig(query_parameters=[bigquery.ArrayQueryParameter("a", "INT64", [1])])
    for config in (positional, array, bigquery.QueryJobConfig(use_legacy_sql=True)):
        with pytest.raises(BadRequest, match="not supported"):
            bq.query("SELECT 1", job_config=config, retry=None, job_retry=None)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("bigquery-public-data.pypi.nope", "Not found: Table bigquery-public-data:pypi.nope"),
        ("someone.else.nope", "Not found: Dataset someone:else"),
    ],
)
def test_an_unknown_table_is_not_found(bq: Connected, table: str, message: str) -> None:
    with pytest.raises(NotFound, match=message):
        bq.rows("SELECT 1 FROM `{name}`".replace("{name}", table), retry=None, job_retry=None)


@pytest.mark.parametrize(
    "where",
    [
        "",
        "WHERE country_code = 'US'",
        "WHERE timestamp >= '2026-07-01' OR country_code = 'US'",
        "WHERE TIMESTAMP_ADD(timestamp, INTERVAL 1 DAY) >= '2026-07-01'",
        "WHERE timestamp = (SELECT TIMESTAMP '2026-07-01')",
    ],
)
def test_a_query_that_could_touch_every_partition_is_refused(bq: Connected, where: str) -> None:
    message = (
        r"Cannot query over table 'bigquery-public-data\.pypi\.file_downloads' without a filter over column\(s\) "
        "'timestamp' that can be used for partition elimination"
    )
    with pytest.raises(BadRequest, match=message):
        bq.rows("SELECT COUNT(*) FROM {table} {where}".replace("{where}", where), retry=None, job_retry=None)


@pytest.mark.parametrize(
    "where",
    [
        "timestamp >= '2026-07-01' AND timestamp < TIMESTAMP_ADD(TIMESTAMP '2026-07-01', INTERVAL 24 HOUR)",
        "timestamp BETWEEN '2026-07-01' AND '2026-07-01 23:59:59.999999'",
        "DATE(timestamp) = '2026-07-01'",
        "TIMESTAMP '2026-07-02' > timestamp",
        "TIMESTAMP_TRUNC(timestamp, DAY) = TIMESTAMP '2026-07-01'",
        "EXTRACT(DATE FROM timestamp) = DATE '2026-07-01'",
    ],
)
def test_filters_that_eliminate_partitions_are_accepted(bq: Connected, where: str) -> None:
    inside = "SELECT COUNT(*) FROM {table} WHERE {where}"
    outside = "WITH a AS (SELECT * FROM {table}) SELECT COUNT(*) FROM a WHERE {where}"
    for sql in (inside, outside):
        assert bq.rows(sql.replace("{where}", where)) == [(8,)]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM '{path}'",
        "SELECT * FROM `{path}`",
        "SELECT * FROM read_text('{path}')",
        "SELECT * FROM read_csv('{path}')",
        "SELECT * FROM read_parquet('{path}')",
        "SELECT * FROM glob('/*')",
        "SELECT content FROM main.read_text('{path}')",
        "SELECT getenv('HOME')",
        "SELECT * FROM duckdb_settings()",
        "SELECT * FROM information_schema.tables",
        "SELECT * FROM main.partitions",
        "SELECT * FROM partitions",
        "COPY (SELECT 1) TO '{path}.copy'",
        "ATTACH '{path}.db' AS other",
        "INSTALL httpfs",
        "LOAD httpfs",
        "PRAGMA database_list",
        "SET enable_external_access = true",
        "CALL pragma_version()",
        "EXPORT DATABASE '{path}.d'",
        "SELECT 'x' AS a -- \n; DROP TABLE partitions",
    ],
)
def test_sql_never_reaches_files_settings_or_internal_tables(bq: Connected, tmp_path: Path, sql: str) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("do not leak", encoding="utf-8")
    with pytest.raises((BadRequest, NotFound)):
        bq.rows(sql.replace("{path}", str(secret)), retry=None, job_retry=None)
    assert list(tmp_path.iterdir()) == [secret]
    assert bq.rows(f"SELECT COUNT(*) {ODD}") == [(8,)]


@pytest.mark.parametrize(
    "text", ["'; DROP TABLE partitions; --", "\\'; SELECT 1; --", '"; SELECT 1; --', "$$; SELECT 1; $$", "a\\", "/*"]
)
def test_text_that_looks_like_sql_stays_text(bq: Connected, text: str) -> None:
    config = bigquery.QueryJobConfig(query_parameters=[bigquery.ScalarQueryParameter("text", "STRING", text)])
    assert bq.rows("SELECT @text", job_config=config) == [(text,)]
    literal = text.replace("\\", "\\\\").replace("'", "\\'")
    assert bq.rows(f"SELECT '{literal}'") == [(text,)]
    assert bq.rows(f"SELECT COUNT(*) {ODD}") == [(8,)]


def test_a_name_that_looks_like_sql_stays_a_name(bq: Connected) -> None:
    name = "a\" FROM read_text('/etc/hostname') --"
    [row] = bq.query(f"SELECT 1 AS `{name}`").result()
    assert dict(row) == {name: 1}
