"""The API with its site on a socket, over a database with a few published days."""

from collections.abc import Iterator

import httpx
import pytest

from pyzn_local.postgres import Postgres
from tests.api.conftest import serving, settings
from tests.api.stock import stock
from tests.conftest import Database, own_database


@pytest.fixture(scope="session")
def stocked(postgres: Postgres) -> Iterator[Database]:
    """The published days of stock.py. Shared, so for reading only."""
    with own_database(postgres) as made:
        stock(made.owner_url)
        yield made


@pytest.fixture(scope="session")
def client(stocked: Database) -> Iterator[httpx.Client]:
    """A client of a server over the stocked database, on 2026-07-20."""
    with serving(settings(stocked.api_url)) as client:
        yield client
