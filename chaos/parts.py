"""The real parts that a check breaks: an embedded Postgres with a database for each check, and BigQuery emulators."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import psycopg
from psycopg import sql
from pydantic import SecretStr

from chaos.source import Source
from pyzn_local.bigquery import Server
from pyzn_local.postgres import Postgres
from pyzn_pipeline.postgres_url import with_driver
from pyzn_pipeline.store.database import engine
from pyzn_pipeline.store.schema import migrate

_numbers = count(1)


@dataclass(frozen=True)
class Database:
    """A migrated database: libpq URLs of the schema's owner and of the API's read-only role."""

    owner_url: str
    api_url: str


def migrated(postgres: Postgres) -> Database:
    """Create a database on a running server."""
    name = f"chaos_{next(_numbers)}"
    postgres.ensure_role("pyzn", "owner-password")
    postgres.ensure_database(name, "pyzn")
    database = Database(
        postgres.url(name, "pyzn", "owner-password"),
        postgres.url(name, "pyzn_api", "api-password"),
    )
    migrate(engine(SecretStr(database.owner_url)), with_driver(SecretStr(database.api_url)))
    return database


@dataclass(frozen=True)
class Parts:
    """One server that all checks may share, and a directory for their own files."""

    postgres: Postgres
    directory: Path
    _emulators: Iterator[int] = field(default_factory=lambda: count(1))

    @contextmanager
    def database(self) -> Iterator[Database]:
        """Yield a new database, dropped at the end."""
        database = migrated(self.postgres)
        yield database
        with psycopg.connect(self.postgres.url(), autocommit=True) as connection:
            name = database.owner_url.rpartition("/")[2]
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    @contextmanager
    def source(self) -> Iterator[Source]:
        """Yield a new, empty emulator."""
        with Server(self.directory / f"bigquery-{next(self._emulators)}") as server:
            yield Source(server)
