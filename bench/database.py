"""An embedded Postgres for the benchmarks, with a migrated database."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from pydantic import SecretStr
from sqlalchemy import Engine

from pyzn_local.ports import free_port
from pyzn_local.postgres import Postgres
from pyzn_pipeline.postgres_url import with_driver
from pyzn_pipeline.store.database import engine
from pyzn_pipeline.store.schema import migrate


class Database(NamedTuple):
    """The URLs of the superuser, the owner and the API's role, and the owner's engine."""

    data: Path  # the server's folder; the server can read files in it
    superuser_url: str
    owner_url: str
    api_url: str
    dagster_url: str  # for Dagster's own storage
    store: Engine


@contextmanager
def database(folder: Path) -> Iterator[Database]:
    """A running server below `folder`, with an empty, migrated database."""
    with Postgres(folder / "postgres", free_port()).running() as postgres:
        postgres.ensure_role("pyzn", "owner")
        for name in ("pyzn", "dagster"):
            postgres.ensure_database(name, "pyzn")
        owner_url, api_url = postgres.url("pyzn", "pyzn", "owner"), postgres.url("pyzn", "pyzn_api", "api")
        store = engine(SecretStr(owner_url))
        migrate(store, with_driver(SecretStr(api_url)))
        dagster_url = postgres.url("dagster", "pyzn", "owner").replace("postgresql://", "postgresql+psycopg2://")
        yield Database(postgres.data, postgres.url("pyzn"), owner_url, api_url, dagster_url, store)
        store.dispose()
