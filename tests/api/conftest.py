"""A real server on a socket, over a database with a few published days."""

import hashlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx
import psycopg
import pytest
import uvicorn
from pydantic import SecretStr

from pyzn_api import ledger
from pyzn_api.__main__ import build
from pyzn_api.protocol import LimitedProtocol
from pyzn_api.settings import Settings
from pyzn_local.postgres import Postgres
from pyzn_pipeline.store.database import with_driver
from pyzn_pipeline.store.schema import migrate
from tests.api.stock import stock
from tests.conftest import Database, create_database

NOW = datetime(2026, 7, 20, 18, 0, tzinfo=UTC)


@dataclass
class Clock:
    """A clock that stands until it is set."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now


def settings(url: str, **more: object) -> Settings:
    """Return settings for that database."""
    return Settings(database_url=SecretStr(url), **more)  # type: ignore[arg-type]  # pydantic checks them


@contextmanager
def serving(configuration: Settings, clock: Callable[[], datetime] | None = None) -> Iterator[httpx.Client]:
    """Run a server of its own, with the event loop and parser of production, for a client."""
    server = uvicorn.Server(
        uvicorn.Config(
            build(configuration, clock or Clock()),
            port=0,
            loop="uvloop",
            http=LimitedProtocol,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=75,  # seconds, as in production: a client may be busy between two requests
            timeout_graceful_shutdown=2,
        )
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="session")
def stocked_template(postgres: Postgres) -> str:
    """The database with the published days of stock.py, for a fixture `template`."""
    stock(create_database(postgres, "pyzn_api_template").owner_url)
    return "pyzn_api_template"


@pytest.fixture(scope="session")
def stocked(postgres: Postgres, stocked_template: str) -> Database:
    """The published days of stock.py. Shared, so for reading only."""
    return create_database(postgres, "pyzn_api_stocked", stocked_template)


@pytest.fixture(scope="session")
def client(stocked: Database) -> Iterator[httpx.Client]:
    """A client of a server over the stocked database, on 2026-07-20."""
    with serving(settings(stocked.api_url)) as client:
        yield client


@pytest.fixture
def owner(database: Database) -> Iterator[psycopg.Connection]:
    """A connection of the owner of the test's own database."""
    with psycopg.connect(database.owner_url, autocommit=True) as owner:
        yield owner


@pytest.fixture
def own_client(database: Database) -> Iterator[httpx.Client]:
    """A client of a server over the test's own database, on 2026-07-20."""
    with serving(settings(database.api_url)) as client:
        yield client


def migrated(server: Postgres) -> Database:
    """Return a new database with the schema, on a server that a test has started itself."""
    server.ensure_role("pyzn", "owner-password")
    server.ensure_database("pyzn", "pyzn")
    made = Database(server.url("pyzn", "pyzn", "owner-password"), server.url("pyzn", "pyzn_api", "api-password"))
    with made.owner() as owner:
        migrate(owner, with_driver(SecretStr(made.api_url)))
    return made


def connect(client: httpx.Client) -> socket.socket:
    """Return a connection of its own to the server of that client."""
    return socket.create_connection((client.base_url.host, client.base_url.port or 80), timeout=60)


def read_ledger(*servers: httpx.Client) -> None:
    """Have them read the ledger again at once: no test waits until their copy is old enough."""
    with pytest.MonkeyPatch.context() as now:
        now.setattr(ledger, "FRESH_SECONDS", 0)
        for server in servers:
            server.get("/api/v4/days")


def hashed(password: str, iterations: int = 1000) -> SecretStr:
    digest = hashlib.pbkdf2_hmac("sha256", password.encode(), b"salt", iterations).hex()
    return SecretStr(f"pbkdf2:sha256:{iterations}$salt${digest}")


def metric(client: httpx.Client, name: str) -> float:
    """Return a number of the server. Raises ValueError if it is not there."""
    (line,) = (line for line in client.get("/metrics").text.splitlines() if line.rpartition(" ")[0] == name)
    return float(line.rpartition(" ")[2])
