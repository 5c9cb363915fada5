"""Connections to Postgres."""

import os
import socket
from functools import cache
from importlib.resources import files
from threading import Timer

import psycopg
from pydantic import SecretStr
from sqlalchemy import Engine, NullPool, TextClause, create_engine, event, text
from sqlalchemy.pool import ConnectionPoolEntry

from pyzn_pipeline.errors import PyznError
from pyzn_pipeline.postgres_url import with_driver

POOLER_SECONDS = 5  # for which a session of a pooler is waited for; with its pool used up, none comes
LIFETIME = 2 * 60 * 60  # seconds that the connection of a day may take, its scan of at most half an hour included


class UnusableDatabaseError(PyznError):
    """The database, or the way to it, cannot carry what PyZn does; the message says why and the way out."""


def engine(url: SecretStr, lifetime: float | None = None, pooled: bool = False) -> Engine:
    """An engine for `url`, through psycopg 3 whatever driver the URL leaves open.

    Nothing connects yet, and nothing is pooled: closing a connection ends its session, and with it
    the locks and temporary tables it held. A server that is away is noticed within 10 seconds; one that dies with
    the connection open, within about a minute (TCP keepalives), instead of never. Keepalives do not notice a
    proxy that acknowledges and carries nothing on: a connection older than `lifetime` seconds is cut, whatever it does.

    Each connection has the same encoding and settings, whatever server, role and environment say. Connecting raises
    UnusableDatabaseError for a database that is not UTF-8, and for a pooler of transactions unless `pooled`: then
    nothing may rest on the session.
    """
    made = create_engine(
        with_driver(url),
        poolclass=NullPool,
        connect_args={
            "connect_timeout": 10,
            "application_name": "pyzn",
            "client_encoding": "utf8",
            "keepalives_idle": 30,
            "keepalives_interval": 10,
            "keepalives_count": 3,
        },
    )
    if lifetime is not None:
        _limit(made, lifetime)
    # First of all: what SQLAlchemy asks a new connection about itself is asked with these settings too.
    event.listen(made, "connect", lambda connection, _: _prepare(connection, pooled), insert=True)
    return made


def _prepare(connection: psycopg.Connection, pooled: bool) -> None:
    """Pin the settings of a new connection; close it if it cannot be worked with."""
    try:
        encoding = connection.info.parameter_status("server_encoding")
        if encoding != "UTF8":
            raise UnusableDatabaseError(
                f"database {connection.info.dbname} has the encoding {encoding}, which has no place for every name on "
                f"PyPI: make another one, CREATE DATABASE {connection.info.dbname}_utf8 ENCODING 'UTF8' "
                "TEMPLATE template0, and name that in the URL"
            )
        connection.autocommit = True
        backend = connection.execute(text_of("pin_session")).fetchone()
        # A pooler answers the login itself, and cannot know yet which backend it will give.
        if not pooled and backend and backend[0] != connection.info.backend_pid and _is_shared(connection):
            raise UnusableDatabaseError(
                f"{connection.info.host}:{connection.info.port} is a pooler that gives each transaction another "
                "session (pool_mode = transaction in PgBouncer), where the lock of a day would stay behind: name "
                "Postgres itself, or a pool with pool_mode = session"
            )
        connection.autocommit = False
    except BaseException:
        connection.close()
        raise


def _is_shared(connection: psycopg.Connection) -> bool:
    """Whether a second connection is given the same backend while the first one is open, or the first one another."""
    mine = _backend(connection)
    try:
        with psycopg.connect(
            connection.info.dsn, password=connection.info.password, connect_timeout=POOLER_SECONDS
        ) as second:
            watch = Timer(POOLER_SECONDS, _hang_up, [second])
            watch.daemon = True
            watch.start()
            theirs = _backend(second)  # in a transaction, which keeps it
            watch.cancel()
            return theirs == mine or _backend(connection) != mine
    except psycopg.OperationalError:  # no session is free for it, since the first one keeps its own
        return False


def _backend(connection: psycopg.Connection) -> int:
    row = connection.execute("SELECT pg_backend_pid()").fetchone()
    return int(row[0]) if row else 0


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


@cache
def statement(name: str) -> TextClause:
    """The SQL of `name`.sql in this folder, with its bound parameters."""
    return text(text_of(name).decode())


def text_of(name: str) -> bytes:
    """The SQL of `name`.sql in this folder."""
    return files(__package__).joinpath("sql", f"{name}.sql").read_bytes()
