"""Real parts for every test: one embedded PostgreSQL per test process, a migrated database per test."""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import count
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner
from psycopg import sql
from pydantic import SecretStr
from sqlalchemy import Engine

import pyzn_local.postgres
from pyzn_local.bigquery import Server
from pyzn_local.ports import free_port
from pyzn_local.postgres import Postgres
from pyzn_pipeline.source.connection import Clients, connect
from pyzn_pipeline.store.database import engine, with_driver
from pyzn_pipeline.store.schema import migrate
from tests import POSTGRES_BIN
from tests.browser import pytest_unconfigure  # noqa: F401 - a hook of pytest

TEMPLATE = "pyzn_template"
_numbers = count(1)


def pytest_configure() -> None:
    """Every PostgreSQL that these processes start themselves is the one in PYZN_TEST_POSTGRES_BIN, if that is set."""
    if POSTGRES_BIN:
        pyzn_local.postgres.binary = lambda name: str(Path(POSTGRES_BIN, name))


def pytest_report_header() -> str:
    """The version of that PostgreSQL."""
    return subprocess.check_output([pyzn_local.postgres.binary("postgres"), "--version"], text=True).strip()


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """One test process more than cores: tests wait for a third of their time. The slow ones start many themselves."""
    return (os.cpu_count() or 1) + int(config.option.markexpr != "slow")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first, so that the test processes finish together."""
    longest = [
        "test_stack.py", "test_leftovers.py", "test_replica.py", "test_browser.py", "test_googlesql.py",
        "test_every_route.py", "test_repairs.py", "test_wanted.py", "test_etags.py", "test_publication.py",
    ]  # fmt: skip
    items.sort(key=lambda item: longest.index(item.path.name) if item.path.name in longest else len(longest))


@dataclass(frozen=True)
class Database:
    """One empty, migrated database: libpq URLs of the schema's owner and of the API's read-only role."""

    owner_url: str
    api_url: str

    @contextmanager
    def owner(self) -> Iterator[Engine]:
        """The engine of the schema's owner."""
        owner = engine(SecretStr(self.owner_url))
        try:
            yield owner
        finally:
            owner.dispose()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """A running server with the role `pyzn` and a migrated template database."""
    server = Postgres(tmp_path_factory.mktemp("postgres"), free_port())
    # Nobody needs these databases after a power failure. Dropping one would wait for a checkpoint on the disk.
    # Autovacuum would hold a lock for which a test does not wait.
    with server.running("fsync=off", "synchronous_commit=off", "full_page_writes=off", "autovacuum=off"):
        server.ensure_role("pyzn", "owner-password")
        server.ensure_database(TEMPLATE, "pyzn")
        owner = engine(SecretStr(server.url(TEMPLATE, "pyzn", "owner-password")))
        migrate(owner, with_driver(SecretStr(server.url(TEMPLATE, "pyzn_api", "api-password"))))
        owner.dispose()
        yield server
        _superuser(server.url()).close()


@cache
def _superuser(url: str) -> psycopg.Connection:
    return psycopg.connect(url, autocommit=True)


def create_database(postgres: Postgres, name: str, like: str = TEMPLATE) -> Database:
    """A new database with the schema, and with the rows that the database `like` has."""
    new, template = sql.Identifier(name), sql.Identifier(like)
    superuser = _superuser(postgres.url())
    superuser.execute(sql.SQL("CREATE DATABASE {} OWNER pyzn TEMPLATE {} STRATEGY file_copy").format(new, template))
    # A template hands on the schema, but not what is granted on the database itself.
    superuser.execute(sql.SQL("REVOKE TEMPORARY ON DATABASE {} FROM PUBLIC").format(new))
    return Database(
        owner_url=postgres.url(name, "pyzn", "owner-password"), api_url=postgres.url(name, "pyzn_api", "api-password")
    )


@contextmanager
def own_database(postgres: Postgres, like: str = TEMPLATE) -> Iterator[Database]:
    """A database with the schema, and with the rows that the database `like` has, dropped at the end."""
    name = f"pyzn_test_{next(_numbers)}"
    yield create_database(postgres, name, like)
    _superuser(postgres.url()).execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@contextmanager
def filled_database(postgres: Postgres, fill: Callable[[Engine], object]) -> Iterator[str]:
    """The name of a database that `fill` has filled once, for a fixture `template`."""
    with own_database(postgres) as made:
        with made.owner() as owner:
            fill(owner)
        yield made.owner_url.rpartition("/")[2]


@pytest.fixture(scope="session")
def template() -> str:
    """The database that `database` is a copy of. A module whose tests begin with the same rows has its own."""
    return TEMPLATE


@pytest.fixture
def database(postgres: Postgres, template: str) -> Iterator[Database]:
    """A database of its own for the test, dropped after it."""
    with own_database(postgres, template) as made:
        yield made


@pytest.fixture(scope="module")
def shared_database(postgres: Postgres) -> Iterator[Database]:
    """A database that the tests of a module share: for cases that leave it as it was."""
    with own_database(postgres) as made:
        yield made


@pytest.fixture(scope="module")
def shared_store(shared_database: Database) -> Iterator[Engine]:
    """The schema owner's engine on the shared database."""
    with shared_database.owner() as owner:
        yield owner


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The BigQuery emulator of this test process."""
    with Server(tmp_path_factory.mktemp("bigquery")) as server:
        yield server


@pytest.fixture
def bigquery(emulator: Server) -> Server:
    """The emulator, without rows and faults."""
    emulator.reset()
    return emulator


@pytest.fixture
def store(database: Database) -> Iterator[Engine]:
    """The schema owner's engine on the test's database."""
    with database.owner() as owner:
        yield owner


@pytest.fixture
def clients(bigquery: Server) -> Iterator[Clients]:
    """The clients that the pipeline uses, wired to the emulator."""
    with closing(connect("pyzn-test", "US", bigquery.endpoint, bigquery.storage_endpoint)) as clients:
        yield clients


@pytest.fixture
def command(bigquery: Server, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    """Runs `pyzn` on the test's database and the emulator."""
    for name, value in {
        "PYZN_HOME": str(tmp_path / "no-stack"),
        "PYZN_DATABASE_URL": database.owner_url,
        "PYZN_BIGQUERY_PROJECT": "pyzn-test",
        "PYZN_BIGQUERY_ENDPOINT": bigquery.endpoint,
        "PYZN_BIGQUERY_STORAGE_ENDPOINT": bigquery.storage_endpoint,
    }.items():
        monkeypatch.setenv(name, value)
    return CliRunner()
