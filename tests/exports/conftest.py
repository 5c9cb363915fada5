"""Two stores side by side, and days with text that JSON, CSV and SQL must escape."""

from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine

from pyzn_local.postgres import Postgres
from pyzn_pipeline.store.database import engine
from tests.conftest import Database, own_database
from tests.days import Download

DAY = date(2026, 7, 14)
DAYS = [DAY - timedelta(days=n) for n in (2, 1, 0)]
AWKWARD = 'a"b\\c\u2028<é>\t\n,":1,{}\u007f'
DOWNLOADS = [
    Download("requests", "2.31.0", "US", system="Linux", python="3.12.1"),
    Download("requests", "2.32.0", None, ci=True, python="3.9"),
    Download("requests", AWKWARD, "", installer="bandersnatch"),
    Download("numpy", "", "DE", installer="uv", system=AWKWARD),
    Download("zope\n\"'x,", None, "US", pip=False),
]


def downloads(day: date) -> list[Download]:
    """A day's downloads: more on later days, and a project of its own."""
    return DOWNLOADS * day.day + [Download(f"only-on-{day}")]


@pytest.fixture
def second(postgres: Postgres) -> Iterator[Database]:
    """Another migrated database."""
    with own_database(postgres) as database:
        yield database


@pytest.fixture
def second_store(second: Database) -> Iterator[Engine]:
    """The schema owner's engine on it."""
    owner = engine(SecretStr(second.owner_url))
    yield owner
    owner.dispose()
