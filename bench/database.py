"""An embedded Postgres with migrated databases, for the benchmarks and for chaos."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import NamedTuple

import psycopg
from pydantic import SecretStr
from sqlalchemy import Engine

from pyzn_local.ports import free_port
from pyzn_local.postgres import Postgres
from pyzn_pipeline.store.database import engine, with_driver
from pyzn_pipeline.store.schema import migrate


class Database(NamedTuple):
    """A migrated database of a server: the URLs of the schema's owner and of the API's role, and the owner's engine."""

    server: Postgres
    owner_url: str
    api_url: str
    store: Engine

    def number(self, query: str) -> int:
        """Return the one number that a query answers."""
        with psycopg.connect(self.owner_url) as connection:
            row = connection.execute(query.encode()).fetchone()
        return int(row[0]) if row else 0

    def bytes_of(self, day: date) -> int:
        """Return the bytes of a published day, with its index."""
        return self.number(f"SELECT pg_total_relation_size('pyzn.project_days_{day:%Y_%m_%d}')")


def migrated(server: Postgres, name: str = "pyzn") -> Database:
    """Create a database on a running server."""
    server.ensure_role("pyzn", "owner-password")
    server.ensure_database(name, "pyzn")
    owner_url, api_url = server.url(name, "pyzn", "owner-password"), server.url(name, "pyzn_api", "api-password")
    store = engine(SecretStr(owner_url))
    migrate(store, with_driver(SecretStr(api_url)))
    return Database(server, owner_url, api_url, store)


@contextmanager
def database(folder: Path) -> Iterator[Database]:
    """Run a server below `folder`, with an empty, migrated database."""
    with Postgres(folder / "postgres", free_port()).running() as server:
        yield migrated(server)
