"""A person's SELECT: nothing but a SELECT, and refused in clear words where it is wrong.

That its answers are Google's is shown by tests/pipeline/test_googlesql.py.
"""

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from google.api_core.exceptions import BadRequest, ClientError, NotFound
from google.cloud.bigquery import ArrayQueryParameter, QueryJobConfig, ScalarQueryParameter

from tests.local.conftest import ODD_ROWS, ON_THE_ODD_DAY, TABLE, Connected


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("STRING", '\'; DROP TABLE file_downloads; -- \\ "quoted" é'),
        ("STRING", None),
        ("INT64", -(2**63)),
        ("FLOAT64", 1.5e300),
        ("BOOL", False),
        ("DATE", dt.date(2026, 7, 6)),
        ("TIMESTAMP", dt.datetime(2026, 7, 6, 1, 2, 3, 4, dt.UTC)),
    ],
)
def test_a_parameter_comes_back_as_it_went_in(bq: Connected, kind: str, value: Any) -> None:
    config = QueryJobConfig(query_parameters=[ScalarQueryParameter("Value", kind, value)])
    assert bq.rows("SELECT @value", job_config=config) == [(value,)]


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("", "query"),
        ("SELEC 1", "Syntax error: .* Line 1, Col: 7"),
        (f"SELECT nope {ON_THE_ODD_DAY}", "nope"),
        (f"SELECT file.nope {ON_THE_ODD_DAY}", "nope"),
        (f"SELECT country_code, COUNT(*) {ON_THE_ODD_DAY}", "must appear in the GROUP BY clause"),
        ("SELECT nofunction(1)", "nofunction does not exist"),
        ("SELECT [1, 2]", "is not supported by this emulator"),
        ("SELECT @missing", "Query parameter 'missing' not found"),
        ("SELECT 9223372036854775807 + 1", "(?i)overflow"),
        ("SELECT " + "(" * 3000 + "1" + ")" * 3000, "too complex"),
        ("SELECT * FROM nowhere", 'Table "nowhere" must be qualified'),
        ("SELECT 1 FROM `bigquery-public-data.pypi.nope`", "Not found: Table bigquery-public-data:pypi.nope"),
        ("SELECT 1 FROM `bigquery-public-data.pypi.INFORMATION_SCHEMA.TABLES`", "Not found: Table .*TABLES"),
        ("SELECT 1 FROM `someone.else.nope`", "Not found: Dataset someone:else"),
        *(
            (
                f"SELECT COUNT(*) FROM {{table}} {where}",
                f"Cannot query over table '{TABLE}' without a filter .* for partition elimination",
            )
            for where in ("", "WHERE country_code = 'US'", "WHERE timestamp >= '2026-07-01' OR country_code = 'US'")
        ),
    ],
)
def test_bad_sql_is_refused_with_its_mistake(bq: Connected, sql: str, message: str) -> None:
    with pytest.raises(ClientError, match=message) as refused:
        bq.rows(sql, retry=None, job_retry=None)
    assert refused.type is (NotFound if "Not found" in message else BadRequest)


@pytest.mark.parametrize("parameter", [ScalarQueryParameter(None, "INT64", 1), ArrayQueryParameter("a", "INT64", [1])])
def test_positional_and_array_parameters_are_refused(
    bq: Connected, parameter: ScalarQueryParameter | ArrayQueryParameter
) -> None:
    with pytest.raises(BadRequest, match=r"parameterMode: Input should be .NAMED.|only named scalars"):
        bq.query("SELECT 1", job_config=QueryJobConfig(query_parameters=[parameter]), retry=None, job_retry=None)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM '{path}'",
        "SELECT * FROM read_text('{path}')",
        "SELECT * FROM glob('/*')",
        "SELECT getenv('HOME')",
        "COPY (SELECT 1) TO '{path}.copy'",
        "ATTACH '{path}.db' AS other",
        "SET enable_external_access = true",
        "DROP TABLE {table}",
        "WITH a AS (SELECT 1) DELETE FROM {table} WHERE TRUE",
        "SELECT 1; DROP TABLE file_downloads",
        "SELECT 'x' AS a -- \n; DROP TABLE file_downloads",
    ],
)
def test_sql_only_reads_and_never_files_or_settings(bq: Connected, tmp_path: Path, sql: str) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("do not leak", encoding="utf-8")
    with pytest.raises((BadRequest, NotFound)):
        bq.rows(sql.replace("{path}", str(secret)), retry=None, job_retry=None)
    assert list(tmp_path.iterdir()) == [secret]
    assert bq.rows(f"SELECT COUNT(*) {ON_THE_ODD_DAY}") == [(len(ODD_ROWS),)]


def test_text_and_names_that_look_like_sql_stay_what_they_are(bq: Connected) -> None:
    for text in ("'; DROP TABLE x; --", "\\'; SELECT 1; --", "$$; SELECT 1; $$", "a\\", "/*"):
        literal = text.replace("\\", "\\\\").replace("'", "\\'")
        assert bq.rows(f"SELECT '{literal}'") == [(text,)]
    name = "a\" FROM read_text('/etc/hostname') --"
    [row] = bq.query(f"SELECT 1 AS `{name}`").result()
    assert dict(row) == {name: 1}
