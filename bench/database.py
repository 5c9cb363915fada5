"""An embedded Postgres for the benchmarks, with a migrated database."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import NamedTuple

import psycopg
from pydantic import SecretStr
from sqlalchemy import Engine, text

from pyzn_local.ports import free_port
from pyzn_local.postgres import Postgres
from pyzn_pipeline.breakdowns import Contents
from pyzn_pipeline.postgres_url import with_driver
from pyzn_pipeline.store.database import engine
from pyzn_pipeline.store.partitions import ensure_partition
from pyzn_pipeline.store.schema import migrate


class Database(NamedTuple):
    """The URLs of the superuser, the owner and the API's role, and the owner's engine."""

    data: Path  # the server's folder; the server can read files in it
    superuser_url: str
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


@contextmanager
def database(folder: Path) -> Iterator[Database]:
    """Run a server below `folder`, with an empty, migrated database."""
    with Postgres(folder / "postgres", free_port()).running() as postgres:
        postgres.ensure_role("pyzn", "owner")
        postgres.ensure_database("pyzn", "pyzn")
        owner_url, api_url = postgres.url("pyzn", "pyzn", "owner"), postgres.url("pyzn", "pyzn_api", "api")
        store = engine(SecretStr(owner_url))
        migrate(store, with_driver(SecretStr(api_url)))
        yield Database(postgres.data, postgres.url("pyzn"), owner_url, api_url, store)
        store.dispose()


def fill(own: Database, days: list[date], like: date) -> None:
    """Give `days` the content of the published day `like`, each in its own partition, as after a publication."""
    for day in days:
        ensure_partition(own.store, day)
        with own.store.begin() as connection:
            columns = ", ".join(Contents().columns)
            connection.execute(
                text(
                    f"INSERT INTO pyzn.project_days (day, {columns}) "
                    f"SELECT :day, {columns} FROM pyzn.project_days WHERE day = :like ORDER BY project"
                ),
                {"day": day, "like": like},
            )
            query = (Path(__file__).parent / "fill_day.sql").read_text(encoding="utf-8")
            connection.execute(text(query), {"day": day, "like": like})
    with psycopg.connect(own.owner_url, autocommit=True) as driver:
        driver.execute("VACUUM ANALYZE pyzn.project_days, pyzn.projects, pyzn.days")
