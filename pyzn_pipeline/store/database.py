"""Connections to Postgres."""

import os
import socket
from functools import cache
from importlib.resources import files
from threading import Timer

import psycopg
from pydantic import SecretStr
from sqlalchemy import URL, Engine, NullPool, TextClause, create_engine, event, make_url, text
from sqlalchemy.pool import ConnectionPoolEntry

LIFETIME = 2 * 60 * 60  # seconds that the connection of a day may take, its scan of at most half an hour included


def engine(url: SecretStr, lifetime: float | None = None) -> Engine:
    """An engine for `url`, through psycopg 3 whatever driver the URL leaves open.

    Nothing connects yet, and nothing is pooled: closing a connection ends its session, and with it
    the locks and temporary tables it held. A server that is away is noticed within 10 seconds; one that dies with
    the connection open, within about a minute (TCP keepalives), instead of never. Keepalives do not notice a
    proxy that acknowledges and carries nothing on: a connection older than `lifetime` seconds is cut, whatever it does.
    """
    made = create_engine(
        with_driver(url),
        poolclass=NullPool,
        connect_args={
            "connect_timeout": 10,
            "application_name": "pyzn",
            "keepalives_idle": 30,
            "keepalives_interval": 10,
            "keepalives_count": 3,
        },
    )
    if lifetime is not None:
        _limit(made, lifetime)
    return made


def _limit(made: Engine, lifetime: float) -> None:
    """Cut each connection of an engine after that many seconds: libpq waits for an answer without end."""

    def start(connection: psycopg.Connection, entry: ConnectionPoolEntry) -> None:
        watch = Timer(lifetime, _hang_up, [connection])
        watch.daemon = True
        entry.info[_limit] = watch
        watch.start()

    def stop(_: psycopg.Connection, entry: ConnectionPoolEntry) -> None:
        entry.info[_limit].cancel()

    event.listen(made, "connect", start)
    event.listen(made, "close", stop)


def _hang_up(connection: psycopg.Connection) -> None:
    """End both directions of a connection from another thread; who waits on it gets an error at once."""
    if not connection.closed:
        with socket.socket(fileno=os.dup(connection.fileno())) as same:
            same.shutdown(socket.SHUT_RDWR)


def with_driver(url: SecretStr) -> URL:
    """`url` with psycopg 3 named: other packages here bring psycopg2, and a bare postgresql:// is ambiguous."""
    return make_url(url.get_secret_value()).set(drivername="postgresql+psycopg")


@cache
def statement(name: str) -> TextClause:
    """The SQL of `name`.sql in this folder, with its bound parameters."""
    return text(files(__package__).joinpath("sql", f"{name}.sql").read_text(encoding="utf-8"))
