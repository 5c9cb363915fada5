"""Reading Postgres: one statement per answer, the answer as the bytes that Postgres sent.

Knows nothing of HTTP. A statement returns one row of texts at most, most of them ready JSON, so that
nothing is decoded on the way through; or a few, where one text would be too large.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from string import Template

from prometheus_client import Counter
from psycopg import OperationalError, errors
from psycopg.pq.abc import PGresult
from psycopg_pool import AsyncConnectionPool, PoolClosed, PoolTimeout
from pydantic import SecretStr

from pyzn_api.libpq import Connection, execute
from pyzn_pipeline.breakdowns import BREAKDOWNS, CI, Breakdown

# The longest wait for a connection. Less than the second that a 503 may take, since a busy server needs the rest.
CONNECTION_SECONDS = 0.7
STATEMENT_SECONDS = 7.0  # the longest wait for an answer; Postgres ends a statement after 5 seconds

# Not migrated yet, or not for this role: time or an operator mends it, so it counts as away.
_NOT_READY = (errors.UndefinedTable, errors.InvalidSchemaName, errors.InsufficientPrivilege)

# https://www.postgresql.org/docs/current/hot-standby.html#HOT-STANDBY-CONFLICT
_RECOVERY_CONFLICTS = (errors.SerializationFailure, errors.DeadlockDetected)

logger = logging.getLogger(__name__)

Row = tuple[bytes, ...]


class DatabaseAwayError(Exception):
    """Postgres did not answer in time. The message is for the log, never for a client."""


class BusyError(DatabaseAwayError):
    """What was asked for is too much beside what is being made; it can be had later."""


@cache
def statement(name: str) -> bytes:
    """The SQL of sql/`name`.sql, with its bound parameters, and the edition (edition.sql) as one column more.

    `counts by python` is counts.sql for that breakdown; `package:name` is a file of another package.
    """
    name, _, by = name.partition(" by ")
    package, _, file = name.rpartition(":")
    edition, rows = (
        files(folder).joinpath("sql", f"{each}.sql").read_bytes()
        for folder, each in (("pyzn_api", "edition"), (package or "pyzn_api", file))
    )
    if by:
        breakdown = next(breakdown for breakdown in BREAKDOWNS if breakdown.name == by)
        names = {"name": by, "document": breakdown.document, "view": breakdown.view, "downloads": _counted(breakdown)}
        rows = Template(rows.decode()).substitute(names).encode()
    return b"SELECT answer.*, (%b) AS edition FROM (%b) AS answer" % (edition, rows)


def _counted(breakdown: Breakdown) -> str:
    """SQL for what the tidy view counts, with the parameter `ci` if it knows of CI."""
    if CI not in breakdown.subsets:
        return "downloads"
    return f"""CASE %(ci)s::text
        WHEN 'include' THEN downloads WHEN 'exclude' THEN downloads - {CI.column} ELSE {CI.column}
    END"""


# Whatever the server, its database, the role and libpq's PG… variables say. The API's role has the first two by
# itself; another role may be configured. JIT costs more than it gains on statements of milliseconds.
_SESSION = """
SET default_transaction_read_only = on; SET statement_timeout = '5s'; SET jit = off;
SET datestyle = 'ISO, YMD'; SET timezone = 'UTC'; SET extra_float_digits = 1;
SET standard_conforming_strings = on; SET transform_null_equals = off; SET search_path = pg_catalog;
SET default_transaction_isolation = 'read committed'; SET lock_timeout = 0;
SELECT pg_backend_pid()
"""


async def _configure(connection: Connection) -> None:
    """Make a new connection fit. What is raised here the pool logs; who asks meanwhile gets a 503."""
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise DatabaseAwayError(
            f"database {connection.info.dbname} has the encoding {encoding}: name one in UTF8 in PYZN_API_DATABASE_URL"
        )
    *_, last = [result async for result in (await connection.execute(_SESSION)).results()]
    backend = await last.fetchone()
    # A pooler answers the login itself, and cannot know yet which backend it will give. There a prepared statement may
    # belong to anybody; the settings do not differ, since every connection in its pool gets the same.
    if backend == (connection.info.backend_pid,):
        connection.prepared = set()


class Database:
    """A pool of read-only connections, which may be opened while Postgres is away."""

    def __init__(self, url: SecretStr, pool_size: int) -> None:
        self.statements = Counter("pyzn_api_database_statements_total", "Statements executed.", registry=None)
        self._at_hand: list[Connection] = []  # of the pool, idle
        self._waiting = 0  # requests for a connection
        self._pool = AsyncConnectionPool(
            url.get_secret_value(),
            connection_class=Connection,
            open=False,
            min_size=1,
            max_size=pool_size,
            timeout=CONNECTION_SECONDS,
            # The pool doubles the delay between attempts. Giving up soon keeps that short: the next
            # request that finds no connection starts over.
            reconnect_timeout=CONNECTION_SECONDS,
            configure=_configure,
            kwargs={
                "autocommit": True,
                "client_encoding": "utf8",
                "application_name": "pyzn-api",
                "connect_timeout": 2,  # libpq's least
                "keepalives_idle": 30,
                "keepalives_interval": 10,
                "keepalives_count": 3,
            },
        )

    async def open(self) -> None:
        """Start connecting; does not wait for it."""
        await self._pool.open(wait=False)

    async def close(self) -> None:
        """Hang up; what is still running is given up."""
        while self._at_hand:
            await self._pool.putconn(self._at_hand.pop())
        await self._pool.close(timeout=1)

    def pool_stats(self) -> Mapping[str, int]:
        """psycopg_pool's counters: https://www.psycopg.org/psycopg3/docs/advanced/pool.html#pool-stats"""
        stats = self._pool.get_stats()
        return stats | {"pool_available": stats.get("pool_available", 0) + len(self._at_hand)}

    async def rows(
        self, name: str, parameters: Mapping[str, object] | None = None, *, seconds: float = STATEMENT_SECONDS
    ) -> Sequence[Row]:
        """The rows of sql/`name`.sql as UTF-8 texts, the edition of the tables in each as the last; NULL is empty.

        Raises DatabaseAwayError after `seconds` at most.
        """
        clock = asyncio.get_running_loop().time
        began = clock()
        while True:
            connection: Connection | None = None
            try:
                connection = await self._take(max(began + CONNECTION_SECONDS - clock(), 0.001))
                result = await execute(connection, statement(name), parameters or {}, began + seconds - clock())
                self.statements.inc()
                # Several rows may be many megabytes, whose copying would keep the event loop.
                return _texts(result) if result.ntuples < 2 else await asyncio.to_thread(_texts, result)
            except (PoolTimeout, PoolClosed) as error:
                raise DatabaseAwayError(f"no connection for {name}.sql: {error}") from error
            except TimeoutError as error:
                raise DatabaseAwayError(f"no answer to {name}.sql within {seconds} seconds") from error
            except errors.QueryCanceled as error:
                raise BusyError(f"{name}.sql: {error}") from error
            except OperationalError as error:
                # A server that restarted leaves dead connections in the pool; each is found out by
                # using it, which costs living ones nothing. A replica cancels what keeps it from following the primary;
                # that only reads, and so is run again.
                again = isinstance(error, _RECOVERY_CONFLICTS) or (
                    connection is not None and connection.broken and clock() < began + CONNECTION_SECONDS
                )
                if not again or clock() >= began + seconds:
                    raise DatabaseAwayError(f"{name}.sql: {error}") from error
            except _NOT_READY as error:
                raise DatabaseAwayError(f"{name}.sql: {error}") from error
            finally:
                if connection is not None:
                    await self._give_back(connection)

    async def _take(self, seconds: float) -> Connection:
        """A connection: one that was used just now, or one of the pool. Raises what psycopg_pool raises."""
        if self._at_hand:
            return self._at_hand.pop()
        self._waiting += 1
        try:
            return await self._pool.getconn(seconds)
        finally:
            self._waiting -= 1

    async def _give_back(self, connection: Connection) -> None:
        """Keep it at hand, which takes less than the pool's bookkeeping, unless others wait or it is of no use."""
        if self._waiting or connection.closed or self._pool.closed:
            await self._pool.putconn(connection)
        else:
            self._at_hand.append(connection)


def _texts(result: PGresult) -> Sequence[Row]:
    return [
        tuple(result.get_value(row, column) or b"" for column in range(result.nfields)) for row in range(result.ntuples)
    ]
