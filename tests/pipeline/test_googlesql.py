"""Google's own SQL engine accepts the statements for BigQuery, with the results of plain Python and the emulator.

All that needs the engine is in this file, which one process runs: it takes seconds to start, and more to be compiled.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from importlib.resources import files
from itertools import cycle, product
from typing import Any

import pyarrow as pa
import pytest
from google.cloud.bigquery import QueryJobConfig, ScalarQueryParameter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pyzn_local.bigquery.server import Server
from pyzn_local.bigquery.tables import PARTITIONS
from pyzn_pipeline import keys
from pyzn_pipeline.breakdowns import BREAKDOWNS, KNOWN, Breakdown
from pyzn_pipeline.names import INVALID, is_name, normalise
from pyzn_pipeline.settings import ReadFilenames
from pyzn_pipeline.source.connection import Clients
from pyzn_pipeline.source.count import count_days
from pyzn_pipeline.source.file_names import is_file
from pyzn_pipeline.source.scan import contents_of, scan, scan_query, schema
from tests import googlesql
from tests.counted import Row, by_name, expected
from tests.days import Download, raw_rows, some, table_of
from tests.hostile import TEXTS, hostile_rows
from tests.local.conftest import Connected, connected
from tests.pipeline.conftest import TABLE
from tests.wheels import WHEELS, wheel_key, with_version

DAY = date(2026, 7, 14)
LIMIT = 2**40
FEW = hostile_rows(DAY)[:400]
ARROW = {"STRING": pa.string(), "INT64": pa.int64(), "DATE": pa.date32()}
COLUMNS = {
    "scan_day.sql": [schema(contents_of(files, BREAKDOWNS)) for files in (None, "TRUE")],
    "count_days.sql": [pa.schema([("day", pa.date32()), ("downloads", pa.int64())])],
    "stored_rows.sql": [pa.schema([("partition_id", pa.string()), ("total_rows", pa.int64())])],
}

Kind = tuple[date, ReadFilenames, Callable[[Row], bool] | None]
KINDS: dict[str, Kind] = {  # of days: with file names, or without, because they are not needed or not wanted
    "read": (DAY, "auto", by_name),
    "not needed": (date(2026, 8, 25), "auto", lambda _: True),
    "not wanted": (DAY, "never", None),
}

Sent = dict[str, Sequence[ScalarQueryParameter]]


@pytest.fixture
def sent(clients: Clients, bigquery: Server, monkeypatch: pytest.MonkeyPatch) -> Sent:
    """The statements of a scan of each kind, run again without its order, and of a recount, with their parameters."""
    query, found = clients.jobs.query, {}

    def noted(sql: str, **options: Any) -> Any:
        found[sql] = options["job_config"].query_parameters
        return query(sql, **options)

    monkeypatch.setattr(clients.jobs, "query", noted)
    bigquery.inject({"sort_exceeds_resources": True})
    for day, read, _ in KINDS.values():
        scan(clients, TABLE, day, LIMIT, read)
    bigquery.inject({})
    count_days(clients, TABLE, {DAY: 1, DAY + timedelta(days=2): 1}, LIMIT)
    return found


@pytest.mark.parametrize(("file", "texts"), [("scan_day.sql", 6), ("count_days.sql", 1), ("stored_rows.sql", 1)])
def test_google_takes_a_statement_and_returns_the_columns_that_are_read(sent: Sent, file: str, texts: int) -> None:
    comment = files("pyzn_pipeline.source").joinpath(file).read_text(encoding="utf-8").splitlines()[0]
    statements = {sql: parameters for sql, parameters in sent.items() if sql.startswith(comment)}
    assert len(statements) == texts
    for sql, parameters in statements.items():
        returned = googlesql.columns(sql, parameters).items()
        assert pa.schema([(name, ARROW[kind]) for name, kind in returned]) in COLUMNS[file]


def test_every_file_with_a_statement_is_among_them() -> None:
    assert {file.name for file in files("pyzn_pipeline.source").iterdir() if file.name.endswith(".sql")} == set(COLUMNS)


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connected]:
    """An emulator with a few hostile rows; for tests that only read."""
    with Server(tmp_path_factory.mktemp("bigquery")) as server, connected(server) as found:
        server.load(table_of(FEW))
        yield found


@pytest.mark.parametrize(
    "expression",
    [
        r"""TO_JSON_STRING('a"b\\ \u0000 \u001f \u2028 \x7f é / \\u001F')""",
        "TO_JSON_STRING(CAST(NULL AS STRING))",
        "LOWER('\u0130 \u0391\u03a3 \u1e9e \u212a')",
        "CAST('2026-01-02 03:04:05+02' AS TIMESTAMP)",
        "CONCAT('a', NULL)",
        "REGEXP_REPLACE('a-b_c', r'[-_]', '.')",
        r"REGEXP_REPLACE('abc', r'(b)', r'[\1]')",
        "REGEXP_REPLACE('aaa', r'', 'x')",
        r"REGEXP_CONTAINS('a\nb', r'^b')",
        r"REGEXP_EXTRACT('3.12.1', r'^[0-9]+\.[0-9]+')",
        r"REGEXP_EXTRACT('x', r'^[0-9]+\.[0-9]+')",
        "REGEXP_EXTRACT('b', r'(a)?b')",
        "SAFE_DIVIDE(1, 0)",
        "2 NOT IN (1, NULL)",
        "IF(NULL, 'yes', 'no')",
        "DATE(TIMESTAMP '2026-07-06 00:30:00+02')",
        "DATE_ADD(DATE '2026-01-31', INTERVAL 1 MONTH)",
        "DATE_SUB(DATE '2026-03-01', INTERVAL 1 DAY)",
        "TIMESTAMP_TRUNC(TIMESTAMP '2026-07-06 12:00:00+02', DAY)",
        "TIMESTAMP_ADD(TIMESTAMP '2026-07-06', INTERVAL 1 HOUR)",
        "EXTRACT(HOUR FROM TIMESTAMP '2026-07-06 01:00:00+02')",
        "EXTRACT(SECOND FROM TIMESTAMP '2026-07-06 01:00:59.9')",
    ],
)
def test_an_expression_has_the_value_that_google_gives(few: Connected, expression: str) -> None:
    [(found,)] = few.rows(f"SELECT {expression}")
    [right] = googlesql.run(f"SELECT {expression} AS value")
    assert found == right["value"]
    assert type(found) is type(right["value"])


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT country_code, COUNT(*) AS n {day} GROUP BY ROLLUP (country_code) ORDER BY 1, 2",
        "SELECT country_code, COUNT(*) AS n {empty} GROUP BY ROLLUP (country_code)",
        "SELECT country_code, COUNT(*) AS n {empty} GROUP BY GROUPING SETS ((country_code), ())",
        "SELECT COUNT(*) AS n, COUNTIF(details.ci) AS ci, SUM(1) AS s, MAX(url) AS u, STRING_AGG(url) AS a {empty}",
        "SELECT COUNT(details.ci) AS ci, COUNT(DISTINCT url) AS d, MIN(url) AS u, MAX(file.version) AS v {day}",
        "SELECT STRING_AGG(country_code, ',' ORDER BY country_code, timestamp) AS a {day}",
        "SELECT LOWER(country_code) AS country_code, COUNT(*) AS n {day} GROUP BY 1 ORDER BY 1",
        "SELECT LOWER(country_code) AS country_code {day} AND country_code = 'US' LIMIT 1",
        "SELECT COUNT(*) AS n, country_code AS c {day} GROUP BY c HAVING n > 2 AND c > 'a' ORDER BY c",
        "SELECT SUM(n) AS n, COUNT(*) AS c FROM (SELECT country_code, COUNT(*) AS n {day} GROUP BY 1) ORDER BY n",
        "SELECT REGEXP_EXTRACT(details.python, r'^[0-9]+') AS p, COUNT(*) AS n {day} GROUP BY p ORDER BY p",
        "SELECT details.installer.name AS i, COUNT(*) AS n {day} AND details.installer.name NOT IN ('pip', 'uv') "
        "GROUP BY i ORDER BY i",
        "SELECT country_code {day} UNION ALL SELECT file.version {day} ORDER BY 1 LIMIT 500",
        "SELECT a.country_code AS c, COUNT(*) AS n FROM (SELECT DISTINCT country_code {day}) AS a "
        "LEFT JOIN (SELECT country_code {day}) AS b ON a.country_code = b.country_code GROUP BY c ORDER BY c",
    ],
)  # fmt: skip
def test_a_statement_gives_the_rows_that_google_gives(few: Connected, sql: str) -> None:
    for name, day in (("day", DAY), ("empty", DAY - timedelta(days=9))):
        sql = sql.replace(f"{{{name}}}", f"FROM `{TABLE}` WHERE DATE(timestamp) = '{day}'")
    assert [dict(row.items()) for row in few.query(sql).result()] == googlesql.run(sql, FEW)


@pytest.mark.parametrize(
    ("kind", "breakdowns"), [("read", KNOWN), ("not needed", BREAKDOWNS), ("not wanted", BREAKDOWNS)]
)
def test_a_day_is_counted_alike_by_google_by_the_emulator_and_by_plain_python(
    clients: Clients, bigquery: Server, kind: str, breakdowns: tuple[Breakdown, ...]
) -> None:
    day, read, files = KINDS[kind]
    rows = hostile_rows(day)
    right = expected(rows, day, files, breakdowns)
    bigquery.load(table_of(rows))
    found = scan(clients, TABLE, day, LIMIT, read, breakdowns)
    assert pa.Table.from_batches(found.batches).to_pylist() == right
    assert googlesql.run(scan_query(TABLE, is_file(day, read, breakdowns), breakdowns), rows, _bounds(day)) == right


def _bounds(day: date) -> list[ScalarQueryParameter]:
    return [
        ScalarQueryParameter(name, "TIMESTAMP", datetime.combine(day + timedelta(days=days), time(), UTC))
        for days, name in enumerate(["start", "end"])
    ]


def test_the_metadata_of_the_partitions_is_read_alike_by_google_and_by_the_emulator(
    sent: Sent, clients: Clients, bigquery: Server
) -> None:
    """Google's engine has no metadata of its own: it is given rows as the view's documentation describes them."""
    (sql,) = (sql for sql in sent if PARTITIONS.name in sql)
    counts = {DAY + timedelta(days=ahead): count for count, ahead in enumerate((-1, 0, 2, 3), start=3)}
    for day, count in counts.items():
        bigquery.load(raw_rows(day, some(requests=count)))
    bigquery.inject({"unpartitioned_rows": 1})
    described = [
        {"table_name": table, "partition_id": partition, "total_rows": rows}
        for table in ("file_downloads", "simple_requests")
        for partition, rows in [
            *((f"{day:%Y%m%d}", count - 1) for day, count in counts.items()),
            ("__UNPARTITIONED__", len(counts)),
            ("__NULL__", 1),
        ]
    ]
    config = QueryJobConfig(query_parameters=list(sent[sql]))
    found = [dict(row.items()) for row in clients.jobs.query(sql, job_config=config).result()]
    right = googlesql.run(sql, described, sent[sql], PARTITIONS)
    assert len(right) == 3
    assert sorted(found, key=str) == sorted(right, key=str)


NAMES = st.text(st.sampled_from("aZk09-._ (\n\x00\u0130\u0131\u017f\u212a\u00e9"), min_size=1, max_size=6)
LONG_NAMES = st.builds(
    lambda middle, number, end: "a" + middle * number + end, st.sampled_from("b-"), st.integers(250, 258), NAMES
)


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(NAMES | LONG_NAMES, min_size=50, max_size=50))
def test_a_name_is_the_same_project_to_google_the_emulator_and_python(
    clients: Clients, bigquery: Server, names: list[str]
) -> None:
    rows = raw_rows(DAY, [Download(name) for name in names])
    bigquery.reset()
    bigquery.load(rows)
    projects = Counter(normalise(name) if is_name(name) else INVALID for name in names)
    emulated = [row for batch in scan(clients, TABLE, DAY, LIMIT).batches for row in batch.to_pylist()]
    by_google = googlesql.run(scan_query(TABLE, None), rows.to_pylist(), _bounds(DAY))
    for found in (emulated, by_google):
        assert {row["project"]: row["downloads"] for row in found if row["project"]} == projects
        assert sum(row["replaced_rows"] for row in found if row["project"] is None) == projects[INVALID]


def test_a_key_is_the_same_to_google_the_emulator_and_python(clients: Clients, bigquery: Server) -> None:
    hostile = [f"{text}-1.0-py3-none-any.whl" for text in TEXTS] + [f"a-1.0-{text}-none-any.whl" for text in TEXTS]
    names = [*(wheel.filename for wheel in WHEELS), *TEXTS, *hostile]
    odd = ["2.39", "2.31-0ubuntu9", "1.2.5", "12", "22.04.3 LTS", "26.1.dev0", ".1", "1.", " 1", "\u0661.2"]
    pairs = list(product(["glibc", "Debian GNU/Linux", None, "", "a\x00b"], [*odd, *TEXTS]))
    rows: list[dict[str, Any]] = [
        {
            "timestamp": datetime.combine(DAY, time(), UTC) + timedelta(seconds=number),
            "file": {"filename": name},
            "details": {
                "installer": {"name": text, "version": version},
                "distro": {"name": text, "version": version, "libc": {"lib": text, "version": version}},
            },
        }
        for number, (name, (text, version)) in enumerate(zip(names, cycle(pairs), strict=False))
    ]
    bigquery.load(table_of(rows))
    expressions = [keys.WHEEL, keys.LIBC, keys.INSTALLER_VERSION, keys.DISTRO]
    columns = ", ".join(f"{expression} AS key_{number}" for number, expression in enumerate(expressions))
    sql = f"SELECT {columns} FROM `{TABLE}` WHERE DATE(timestamp) = '{DAY}' ORDER BY timestamp"
    right = [
        (wheel_key(row["file"]["filename"]), *[with_version(*row["details"]["installer"].values())] * 3) for row in rows
    ]
    assert [tuple(row.values()) for row in clients.jobs.query(sql).result()] == right
    assert [tuple(row.values()) for row in googlesql.run(sql, rows)] == right
    assert [wheel.key for wheel in WHEELS] == [key for key, *_ in right[: len(WHEELS)]]
