"""Connections to Postgres: their settings, checks and time limit; and the SQL files beside a module."""

import os
import socket
from functools import cache
from pathlib import Path
from threading import Timer

import psycopg
from psycopg.conninfo import conninfo_to_dict
from pydantic import SecretStr
from sqlalchemy import URL, Engine, NullPool, TextClause, create_engine, event, text
from sqlalchemy.pool import ConnectionPoolEntry

from pyzn_pipeline.environment import libpq_url
from pyzn_pipeline.errors import PyznError

POOLER_SECONDS = 5  # how long to wait for a pooler's session; if its pool is used up, none comes
LIFETIME = 2 * 60 * 60  # seconds that the connection for one day may live, with its scan of at most half an hour


class UnusableDatabaseError(PyznError):
    """PyZn cannot work with this database or with the pooler before it. The message has the reason and what to do."""


def with_driver(url: SecretStr) -> URL:
    """Return SQLAlchemy's URL for a libpq URL, with psycopg 3 as the driver: other packages here install psycopg2.

    libpq parses the URL, so every form that libpq accepts works: postgres://, several hosts, a service. A driver in
    the scheme (`postgresql+psycopg2://`) is ignored. Raises psycopg.ProgrammingError.
    """
    parts = {name: str(value) for name, value in conninfo_to_dict(libpq_url(url.get_secret_value())).items()}
    user, password, database = (parts.pop(name, None) for name in ("user", "password", "dbname"))
    return URL.create("postgresql+psycopg", user, password, database=database, query=parts)


def engine(url: SecretStr, lifetime: float | None = None, pooled: bool = False) -> Engine:
    """An engine for `url` that uses psycopg 3.

    It does not connect yet, and pools nothing: closing a connection ends its session, and with it its locks and
    temporary tables. Connecting fails within 10 seconds if the server is away. If the server dies later, TCP
    keepalives notice it within about a minute. They do not notice a proxy that acknowledges packets and forwards
    nothing, so a connection older than `lifetime` seconds is closed.

    Every connection has the same encoding and settings; those of server, role and environment are overridden.
    Connecting raises UnusableDatabaseError if the database is not UTF-8, and for a transaction pooler unless `pooled`:
    then the caller must not rely on the session (locks, temporary tables).
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
    # First in the list: SQLAlchemy's own first queries on a new connection need these settings too.
    event.listen(made, "connect", lambda connection, _: _prepare(connection, pooled), insert=True)
    if lifetime is not None:
        _limit(made, lifetime)  # before that: its queries may wait forever as well
    return made


def _prepare(connection: psycopg.Connection, pooled: bool) -> None:
    """Set the settings of a new connection; close it if PyZn cannot work with it."""
    try:
        encoding = connection.info.parameter_status("server_encoding")
        if encoding != "UTF8":
            raise UnusableDatabaseError(
                f"database {connection.info.dbname} has the encoding {encoding}, which cannot store every name on "
                f"PyPI: create another one, CREATE DATABASE {connection.info.dbname}_utf8 ENCODING 'UTF8' "
                "TEMPLATE template0, and use that in the URL"
            )
        connection.autocommit = True
        backend = connection.execute(text_of("pin_session")).fetchone()
        # A pooler answers the login itself, before it assigns a backend, so the pid in its answer is another one.
        if not pooled and backend and backend[0] != connection.info.backend_pid and _is_shared(connection):
            raise UnusableDatabaseError(
                f"{connection.info.host}:{connection.info.port} is a pooler that gives each transaction another "
                "session (pool_mode = transaction in PgBouncer), which would keep the lock of a day: use "
                "Postgres itself, or a pool with pool_mode = session"
            )
        connection.autocommit = False
    except BaseException:
        connection.close()
        raise


def _is_shared(connection: psycopg.Connection) -> bool:
    """Return whether a second connection gets this connection's backend, or this connection gets another one."""
    mine = _backend(connection)
    try:
        with psycopg.connect(
            connection.info.dsn, password=connection.info.password, connect_timeout=POOLER_SECONDS
        ) as second:
            watch = Timer(POOLER_SECONDS, _hang_up, [second])
            watch.daemon = True
            watch.start()
            theirs = _backend(second)  # in an open transaction, which keeps the backend
            watch.cancel()
            return theirs == mine or _backend(connection) != mine
    except psycopg.OperationalError:  # no session is free, because the first connection keeps its own: not shared
        return False


def _backend(connection: psycopg.Connection) -> int:
    row = connection.execute("SELECT pg_backend_pid()").fetchone()
    return int(row[0]) if row else 0


def _limit(made: Engine, lifetime: float) -> None:
    """Close each connection of an engine after `lifetime` seconds, because libpq waits for an answer forever."""

    def start(connection: psycopg.Connection, entry: ConnectionPoolEntry) -> None:
        watch = Timer(lifetime, _hang_up, [connection])
        watch.daemon = True
        entry.info[_limit] = watch
        watch.start()

    def stop(_: psycopg.Connection, entry: ConnectionPoolEntry) -> None:
        entry.info[_limit].cancel()

    event.listen(made, "connect", start, insert=True)
    event.listen(made, "close", stop)


def _hang_up(connection: psycopg.Connection) -> None:
    """Shut down a connection from another thread; a thread that waits on it gets an error at once."""
    if not connection.closed:
        with socket.socket(fileno=os.dup(connection.fileno())) as same:
            same.shutdown(socket.SHUT_RDWR)


@cache
def statement(name: str, beside: str = __file__) -> TextClause:
    """The SQL of sql/`name`.sql, with its bound parameters.

    The folder `sql` is the store's; a topic with statements of its own names its module: `beside=__file__`.
    """
    return text(text_of(name, beside).decode())


def text_of(name: str, beside: str = __file__) -> bytes:
    """The SQL of sql/`name`.sql, in the folder of the module `beside`."""
    return Path(beside).with_name("sql").joinpath(f"{name}.sql").read_bytes()
