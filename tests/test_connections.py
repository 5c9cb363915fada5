"""Connections to somebody else's Postgres: any settings, any URL, another encoding, a pooler in between."""

import logging
import re
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from click.testing import CliRunner, Result
from psycopg import sql
from pydantic import SecretStr
from sqlalchemy import Engine

from pyzn_api import settings as api_settings
from pyzn_cli import pyzn
from pyzn_local.bigquery.server import Server
from pyzn_local.postgres import Postgres
from pyzn_pipeline.errors import PyznError
from pyzn_pipeline.monitoring.deployment import check_all
from pyzn_pipeline.reading.day import ingest_day
from pyzn_pipeline.settings import DeploymentSettings
from pyzn_pipeline.source.bigquery import BigQuery
from pyzn_pipeline.source.connection import Clients
from pyzn_pipeline.store.database import UnusableDatabaseError, engine, with_driver
from pyzn_pipeline.store.schema import migrate
from tests.api.conftest import serving, settings
from tests.conftest import Database
from tests.days import Download, raw_rows
from tests.pooler import transaction_pooler
from tests.store.publishing import rows

TABLE = "bigquery-public-data.pypi.file_downloads"
DAY = date(2026, 7, 14)
DOWNLOADS = [Download("requests", "é\\ü"), Download("requests", "2.0", "DE"), Download("numpy", "1.0", None)]
LIMIT = 2000  # milliseconds; a busy machine needs some until the session is set up
HOSTILE = {
    "datestyle": "SQL, DMY",
    "intervalstyle": "sql_standard",
    "timezone": "Asia/Kolkata",
    "bytea_output": "escape",
    "extra_float_digits": "-15",
    "quote_all_identifiers": "on",
    "standard_conforming_strings": "off",
    "transform_null_equals": "on",
    "array_nulls": "off",
    "search_path": "hostile",
    "default_transaction_isolation": "serializable",
    "default_transaction_deferrable": "on",
    "row_security": "off",
    "statement_timeout": str(LIMIT),
    "lock_timeout": str(LIMIT),
    "transaction_timeout": str(LIMIT),
    "idle_in_transaction_session_timeout": str(LIMIT),
    "idle_session_timeout": str(LIMIT),
    "client_encoding": "LATIN1",
    "xmloption": "document",
    "plan_cache_mode": "force_generic_plan",
    "lc_numeric": "C",
}


@pytest.fixture
def bigquery(emulator: Server) -> Server:
    emulator.reset()
    emulator.load(raw_rows(DAY, DOWNLOADS))
    return emulator


@pytest.fixture
def source(clients: Clients) -> BigQuery:
    return BigQuery(clients, TABLE, 2**40)


def invoke(database: Database, *arguments: str) -> Result:
    """Run a command on that database."""
    urls = {"PYZN_DATABASE_URL": database.owner_url, "PYZN_API_DATABASE_URL": database.api_url}
    return CliRunner().invoke(pyzn, arguments, env=urls)


def output(database: Database, *arguments: str) -> str:
    """Return the output of a command that succeeds."""
    result = invoke(database, *arguments)
    assert result.exit_code == 0, (result.output, result.exception)
    return result.output


def checked(bigquery: Server, owner_url: str, **more: Any) -> dict[str, tuple[bool | None, str]]:
    """Return the lines of `pyzn check` about a database."""
    wanted = DeploymentSettings(
        database_url=SecretStr(owner_url),
        bigquery_project="pyzn-test",
        bigquery_endpoint=bigquery.endpoint,
        bigquery_storage_endpoint=bigquery.storage_endpoint,
        **more,
    )
    return {line.name: (line.ok, line.found) for line in check_all(wanted)}


def everything_works(database: Database, bigquery: Server, source: BigQuery) -> None:
    """Publish a day, read it again, prove it, list it and answer about it, with every character as it was."""
    days = (str(DAY), str(DAY))
    owner = engine(SecretStr(database.owner_url))
    output(database, "migrate")
    ingest_day(DAY, source, owner, "run-1")
    bigquery.load(raw_rows(DAY, [Download("late")]))
    assert ingest_day(DAY, source, owner, "run-2").publication.revision == 2
    assert "1 of 1 days proven" in output(database, "verify", "--full", *days)
    assert f"{DAY}   provisional" in output(database, "days", *days)
    with serving(settings(database.api_url)) as client:
        for _ in range(8):  # as often as a driver needs to prepare a statement, and with texts that differ
            answer = client.get(f"/api/v4/projects/requests/versions?start={DAY}&end={DAY}&version=*{'*' * _}")
            assert answer.status_code == 200, answer.text
        answer = client.get("/api/v2/projects/requests")
    assert set(answer.json()["versions"]) == {"2.0", "é\\ü"}
    assert answer.json()["downloads"][str(DAY)] == {"2.0": 1, "é\\ü": 1}
    limited = f"SELECT name FROM pg_settings WHERE name LIKE '%timeout' AND setting = '{LIMIT}'"
    assert rows(owner, limited) == []
    owner.dispose()


@pytest.mark.usefixtures("command")
def test_settings_of_the_database_change_nothing(
    database: Database, postgres: Postgres, bigquery: Server, source: BigQuery
) -> None:
    name = sql.Identifier(database.owner_url.rpartition("/")[2])
    with psycopg.connect(postgres.url(), autocommit=True) as superuser:
        for setting, value in HOSTILE.items():
            change = sql.SQL("ALTER DATABASE {} SET {} = {}")
            superuser.execute(change.format(name, sql.Identifier(setting), sql.Literal(value)))
    everything_works(database, bigquery, source)


@pytest.mark.usefixtures("command")
def test_variables_of_libpq_change_nothing(
    database: Database, bigquery: Server, source: BigQuery, monkeypatch: pytest.MonkeyPatch
) -> None:
    variables = {"CLIENTENCODING": "LATIN1", "DATESTYLE": "SQL, DMY", "TZ": "Asia/Kolkata", "APPNAME": "é"}
    variables["OPTIONS"] = " ".join(f"-c {name}={value.replace(' ', '')}" for name, value in HOSTILE.items())
    for name, value in variables.items():
        monkeypatch.setenv(f"PG{name}", value)
    everything_works(database, bigquery, source)


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_a_database_that_is_not_utf8_is_refused_by_name_before_anything_is_written(
    encoding: str, postgres: Postgres, caplog: pytest.LogCaptureFixture
) -> None:
    name = f"pyzn_{encoding.lower()}"
    with psycopg.connect(postgres.url(), autocommit=True) as superuser:
        superuser.execute(
            f"CREATE DATABASE {name} OWNER pyzn ENCODING '{encoding}' "
            "TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'".encode()
        )
    there = Database(postgres.url(name, "pyzn", "owner-password"), postgres.url(name, "pyzn_api", "api-password"))
    message = f"database {name} has the encoding {encoding}, .*: create another one, CREATE DATABASE .* ENCODING 'UTF8'"
    for command in ("migrate", "days"):
        error = invoke(there, command).exception
        assert isinstance(error, UnusableDatabaseError)
        assert re.search(message, str(error))
    with psycopg.connect(there.owner_url) as connection:
        assert connection.execute("SELECT to_regnamespace('pyzn')").fetchone() == (None,)
    with caplog.at_level(logging.WARNING), serving(settings(there.api_url)) as client:
        assert client.get("/api/v2/projects/requests").status_code == 503
    assert f"database {name} has the encoding {encoding}" in caplog.text


@pytest.fixture
def pooled(database: Database) -> Iterator[Database]:
    """The test's database by way of a pooler of transactions."""
    port = str(psycopg.conninfo.conninfo_to_dict(database.owner_url)["port"])
    with transaction_pooler(int(port)) as pooler:
        yield Database(*(url.replace(f":{port}/", f":{pooler}/") for url in (database.owner_url, database.api_url)))


def test_the_pipeline_refuses_a_pooler_of_transactions_by_name_and_the_check_names_it(
    pooled: Database, bigquery: Server, source: BigQuery, database: Database, tmp_path: Path
) -> None:
    owner = engine(SecretStr(pooled.owner_url))
    for attempt in (
        lambda: migrate(owner, with_driver(SecretStr(pooled.api_url))),
        lambda: ingest_day(DAY, source, owner, "run-1"),
    ):
        with pytest.raises(UnusableDatabaseError, match=r"127\.0\.0\.1:\d+ is a pooler .*use Postgres itself"):
            attempt()
    with psycopg.connect(database.owner_url) as connection:
        assert connection.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'").fetchone() == (0,)
    ok, found = checked(bigquery, pooled.owner_url, DAGSTER_HOME=tmp_path)["database"]
    assert ok is False
    assert "is a pooler that gives each transaction another session" in found


def test_the_api_answers_through_a_pooler_of_transactions(pooled: Database, store: Engine, source: BigQuery) -> None:
    ingest_day(DAY, source, store, "run-1")
    with serving(settings(pooled.api_url, cache_bytes=0)) as client:
        for n in range(30):
            first = DAY - timedelta(days=n)
            answer = client.get(f"/api/v4/projects/requests/versions?start={first}&end={DAY}")
            assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("role", ['We-ird "über', "select"])
def test_an_owner_whose_name_needs_quotes_owns_the_schema(role: str, postgres: Postgres, bigquery: Server) -> None:
    postgres.ensure_role(role, "p%40 /")
    name = f"owned by {role}"
    postgres.ensure_database(name, role)
    url = postgres.url(*(quote(part, safe="") for part in (name, role, "p%40 /")))
    migrate(engine(SecretStr(url)))
    owned = (True, f"role {role} owns the schema")
    assert checked(bigquery, url)["owner"] == owned
    with psycopg.connect(postgres.url(quote(name)), autocommit=True) as superuser:
        superuser.execute("ALTER TABLE pyzn.days OWNER TO postgres")
        _, hint = checked(bigquery, url)["owner"]
        superuser.execute(hint.partition("'s: ")[2].encode())
    assert checked(bigquery, url)["owner"] == owned


# What libpq takes: https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING; and SQLAlchemy's own.
URLS = [
    "postgres://{user}:{password}@127.0.0.1:{port}/{dbname}",
    "postgresql+psycopg://{user}:{password}@127.0.0.1:{port}/{dbname}",
    "postgresql+psycopg2://{user}:{password}@127.0.0.1:{port}/{dbname}",
    "postgresql://{user}:{password}@127.0.0.1:9,127.0.0.1:{port}/{dbname}?target_session_attrs=any",
    "postgresql://{user}:{password}@127.0.0.1:9,127.0.0.1:{port}/{dbname}?connect_timeout=3&sslmode=disable",
    "postgresql:///{dbname}?host=127.0.0.1,127.0.0.1&port=9,{port}&user={user}&password={password}",
    "postgresql://?service=pyzn",
]


@pytest.mark.parametrize("form", URLS)
def test_every_url_that_libpq_takes_reaches_the_database(
    form: str, shared_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    urls = (shared_database.owner_url, shared_database.api_url)
    owner, api = map(psycopg.conninfo.conninfo_to_dict, urls)
    service = tmp_path / "services"
    service.write_text("\n".join(["[pyzn]", *(f"{name}={value}" for name, value in api.items())]))
    monkeypatch.setenv("PGSERVICEFILE", str(service))
    # The reader's role may read the ledger.
    output(Database(form.format(**api), shared_database.api_url), "days")
    if "service" not in form:
        output(Database(form.format(**owner), form.format(**api)), "migrate")
    monkeypatch.setenv("PYZN_API_DATABASE_URL", form.format(**api))
    with serving(api_settings.load()) as client:
        assert client.get("/api/v4/days").status_code == 200


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:hunter2@h:port/d", "postgresql://u:hunter2@h/d?nonsense=1", "postgresql://u:hunter2@[::1/d",
        "postgresql://u:hunter2@h", "postgresql://:hunter2@h/d", "mysql://u:hunter2@h/d", "postgresql://u:hunter2%@h/d",
        "postgresql://u:hunter2@a:1,b:2,c/d?port=1,2", "postgresql://u:hunter2@h/d?sslmode=perhaps", "postgres:hunter2",
        "postgresql://u:hunter2@h:99999/d", "postgresql://u:hunter2@h:0/d",
    ],
)  # fmt: skip
def test_a_url_that_cannot_be_is_refused_without_its_password(url: str) -> None:
    result = CliRunner().invoke(pyzn, ["days"], env={"PYZN_DATABASE_URL": url})
    assert isinstance(result.exception, PyznError)
    assert "PYZN_DATABASE_URL" in str(result.exception) or "days: Postgres: " in str(result.exception)
    assert "hunter2" not in str(result.exception) + result.output
