"""The API with its site on a socket, over a database with a few published days."""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta

import httpx
import psycopg
import pytest

from pyzn_local.postgres import Postgres
from tests.api import stock
from tests.api.conftest import serving, settings
from tests.conftest import Database, own_database
from tests.days import Download
from tests.site import wheels

# Of the newest two days the file names are known, of the others not.
FILES = """
UPDATE pyzn.days SET files = NULL WHERE day < '2026-07-17';
UPDATE pyzn.project_days SET files = NULL, files_by_version = NULL WHERE day < '2026-07-17';
UPDATE pyzn.project_days SET files = 80, files_by_version = '[80]'
WHERE day = '2026-07-17' AND project = 'sampleproject';
UPDATE pyzn.project_days SET files = 100, files_by_version = '[0,90,1,8,1,0,0]'
WHERE day = '2026-07-19' AND project = 'sampleproject'
"""


def publish(owner: psycopg.Connection, day: date, downloads: Iterable[Download], status: str = "final") -> None:
    """A day that was read without file names: its downloads are counted, its files are not."""
    stock.publish(owner, day, downloads, status)
    for table in ("days", "project_days"):
        owner.execute(f"UPDATE pyzn.{table} SET files = NULL WHERE day = %s", [day])


@pytest.fixture(scope="session")
def stocked(postgres: Postgres) -> Iterator[Database]:
    """The published days of stock.py. Shared, so for reading only."""
    with own_database(postgres) as made:
        stock.stock(made.owner_url)
        with psycopg.connect(made.owner_url) as owner:
            owner.execute(FILES)
        yield made


@pytest.fixture(scope="session")
def client(stocked: Database) -> Iterator[httpx.Client]:
    """A client of a server over the stocked database, on 2026-07-20."""
    with serving(settings(stocked.api_url)) as client:
        yield client


@pytest.fixture
def owner(database: Database) -> Iterator[psycopg.Connection]:
    """The owner of the test's database, to publish in it."""
    with psycopg.connect(database.owner_url, autocommit=True) as owner:
        yield owner


@pytest.fixture
def own_client(database: Database) -> Iterator[httpx.Client]:
    """A client of a server over the test's database."""
    with serving(settings(database.api_url)) as client:
        yield client


@pytest.fixture(scope="session")
def wheels_client(postgres: Postgres) -> Iterator[httpx.Client]:
    """A client of a server over a database with the downloads of wheels.py on three days."""
    with own_database(postgres) as made, serving(settings(made.api_url)) as client:
        with psycopg.connect(made.owner_url) as owner:
            for ago in range(wheels.DAYS):
                stock.publish(owner, stock.NEWEST - timedelta(days=ago), wheels.downloads())
        yield client
