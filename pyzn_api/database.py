"""Reading Postgres: one statement per answer, the answer as the bytes that Postgres sent.

Belongs here: connections, statements, their cost. Does not: HTTP. A statement returns one row of texts at most, most
of them ready JSON, so that nothing is decoded on the way through; or a few, where one text would be too large.
"""

import asyncio
import logging
import re
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from functools import cache
from importlib.resources import files
from string import Template

from prometheus_client import Counter
from psycopg import OperationalError, errors
from psycopg.pq.abc import PGresult
from psycopg_pool import AsyncConnectionPool, PoolClosed, PoolTimeout
from pydantic import SecretStr

from pyzn_api.libpq import Connection, Statement, execute
from pyzn_api.settings import KIB, MIB
from pyzn_pipeline.breakdowns import CI, DOWNLOADS, KNOWN, Breakdown

CONNECTION_SECONDS = 0.7  # of waiting for connections, all statements of an answer together; a 503 may take one second
LOOKUP_SECONDS = 0.7  # for a small statement, such as the ledger's: after it, Postgres counts as away
ANSWER_SECONDS = 5.5  # for all statements of an answer together; Postgres ends a single one after 5 seconds

# Stored bytes of the documents that a statement reads.
LIGHT = 64 * KIB  # up to these it takes some hundredths of a second, and any connection
HEAVY = MIB  # above these, memory counts too: about ten times as much, for each of them that is made at once
HEAVY_AT_ONCE = 2

# Not migrated yet, or no right for this role: counts as away, since time or an operator fixes it.
_NOT_READY = (errors.UndefinedTable, errors.InvalidSchemaName, errors.InsufficientPrivilege)

# https://www.postgresql.org/docs/current/hot-standby.html#HOT-STANDBY-CONFLICT
_RECOVERY_CONFLICTS = (errors.SerializationFailure, errors.DeadlockDetected)

logger = logging.getLogger(__name__)

Row = tuple[bytes, ...]


class DatabaseAwayError(Exception):
    """Postgres has not answered in time. The message is for the log, never for a client."""


class BusyError(DatabaseAwayError):
    """The server is busy with other costly answers; the request can be repeated later."""


class Budget:
    """The limits of one answer in Postgres: seconds of waiting for connections, and seconds in all."""

    def __init__(self, seconds: float | None = None) -> None:
        self._waiting = CONNECTION_SECONDS
        self._until = time.monotonic() + (seconds or LOOKUP_SECONDS)

    @property
    def left(self) -> float:
        """The seconds that are left, never 0."""
        return max(self._until - time.monotonic(), 0.001)

    @contextmanager
    def waiting(self) -> Iterator[float]:
        """Count the time inside as waiting; gives the seconds that are left for it."""
        began = time.monotonic()
        try:
            yield max(self._waiting, 0.001)
        finally:
            self._waiting -= time.monotonic() - began


OF_PROJECT = {
    "table": "pyzn.project_days",
    "of": "project = %(project)s",
    "known": "SELECT 1 FROM pyzn.projects WHERE project = %(project)s",
}
OF_ALL = {"table": "pyzn.days", "of": "retired_at IS NULL", "known": "SELECT 1"}  # retired days count for nothing
_KEPT = "day IN (SELECT day FROM pyzn.days WHERE retired_at IS NULL)"


@cache
def statements(name: str) -> tuple[Statement, Statement | None]:
    """Return the statement in sql/`name`.sql, and the one of the stored bytes of the documents that it reads, if any.

    Its last column is that of snapshot_id.sql (see answer.sql). One that reads documents has the parameter `light`: if
    they have more bytes, it returns no row, and reads none of them. `package:name` is a file of another package.
    `name of all` is about all of PyPI instead of a project, `name by python` and `name of all by python` about that
    breakdown of them.
    """
    file, _, by = name.partition(" by ")
    file, of_all, _ = file.partition(" of all")
    template, documents = _file(file), [each.document for each in KNOWN]
    names = OF_ALL if of_all else OF_PROJECT
    if by:
        breakdown = next(breakdown for breakdown in KNOWN if breakdown.name == by)
        key, *others = (each.name for each in breakdown.keys)
        names = names | {
            "name": key,
            "document": breakdown.document,
            "view": breakdown.view,
            "rows": f"pyzn.{breakdown.view}",
            "downloads": _counted(breakdown),
            "within": "".join(f"AND replace({each}, '+', ' ') ILIKE %(within)s" for each in others),
        }
        if of_all:
            documents = ["pypi_totals"]
            names |= {
                "table": "pyzn.day_breakdowns",
                "of": f"breakdown = '{by}' AND {_KEPT}",
                "document": "pypi_totals",
                "rows": f"pyzn.pypi_downloads AS entry (day, breakdown, {key}, downloads)",
            }
    rows = Template(template).substitute(names) if by or of_all or "$of" in template else template
    sql = Template(_file("answer")).substitute(snapshot_id=_file("snapshot_id"), rows=rows)
    if not (read := [each for each in documents if re.search(rf"{each}\b", rows)]):
        return Statement.of(sql), None
    of = {"of": "project = ANY (%(names)s::text[])"} if "%(names)s" in rows else {}
    sizes = " + ".join(f"coalesce(pg_column_size({document}), 0)" for document in read)
    weight = Template(_file("weight")).substitute(names | of, sizes=sizes)
    return Statement.of(f"{sql} WHERE ({weight}) <= %(light)s::bigint"), Statement.of(weight)


def _file(name: str) -> str:
    package, _, file = name.rpartition(":")
    return files(package or "pyzn_api").joinpath("sql", f"{file}.sql").read_text(encoding="utf-8")


def counts_of(breakdown: Breakdown) -> dict[str, str]:
    """Return the column of the tidy view for each count that the breakdown holds, its own first."""
    own, *subsets = ("downloads" if count == DOWNLOADS else count.name for count in breakdown.counts)
    return {own: "downloads", **dict(zip(subsets, (subset.column for subset in breakdown.subsets), strict=True))}


def _counted(breakdown: Breakdown) -> str:
    """Return the SQL of the number per key, by the parameter `count`."""
    columns = counts_of(breakdown)
    if CI in breakdown.subsets:
        columns["without_ci"] = f"downloads - {CI.column}"
    cases = " ".join(f"WHEN '{name}' THEN {column}" for name, column in columns.items())
    return f"CASE %(count)s::text {cases} END"


# Whatever the settings of the server, its database, the role and libpq's PG… variables. The API's own role has the
# first two by itself, another may be configured. JIT costs more than it gains on statements of milliseconds.
_SESSION = """
SET default_transaction_read_only = on; SET statement_timeout = '5s'; SET jit = off;
SET datestyle = 'ISO, YMD'; SET timezone = 'UTC'; SET extra_float_digits = 1;
SET standard_conforming_strings = on; SET transform_null_equals = off; SET search_path = pg_catalog;
SET default_transaction_isolation = 'read committed'; SET lock_timeout = 0;
SELECT pg_backend_pid()
"""


async def _configure(connection: Connection) -> None:
    """Configure a new connection. The pool logs an exception raised here; requests get 503 meanwhile."""
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise DatabaseAwayError(
            f"database {connection.info.dbname} has the encoding {encoding}: name one in UTF8 in PYZN_API_DATABASE_URL"
        )
    *_, last = [result async for result in (await connection.execute(_SESSION)).results()]
    backend = await last.fetchone()
    # A pooler answers the login itself, before it has chosen a backend. There a prepared statement may belong to any
    # client; the settings do not differ, since every connection in its pool gets the same.
    if backend == (connection.info.backend_pid,):
        connection.prepared = set()


class Database:
    """A pool of read-only connections, which may be opened while Postgres is away."""

    def __init__(self, url: SecretStr, pool_size: int) -> None:
        self.statements = Counter("pyzn_api_database_statements_total", "Statements executed.", registry=None)
        self._at_hand: list[Connection] = []  # of the pool, idle
        self._waiting = 0  # requests for a connection
        self._costly = asyncio.Semaphore(max(1, pool_size // 2))
        self._heavy = asyncio.Semaphore(HEAVY_AT_ONCE)
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
        """Close all connections, with the statements that still run."""
        while self._at_hand:
            await self._pool.putconn(self._at_hand.pop())
        await self._pool.close(timeout=1)

    def pool_stats(self) -> Mapping[str, int]:
        """psycopg_pool's counters: https://www.psycopg.org/psycopg3/docs/advanced/pool.html#pool-stats"""
        stats = self._pool.get_stats()
        return stats | {"pool_available": stats.get("pool_available", 0) + len(self._at_hand)}

    async def rows(
        self, name: str, parameters: Mapping[str, object] | None = None, budget: Budget | None = None
    ) -> Sequence[Row]:
        """Return the rows of sql/`name`.sql as UTF-8 texts, with the snapshot id as the last column; NULL is empty.

        Its cost is the stored size of the documents that it reads. Costly statements use at most half of the
        connections, so that cheap ones never wait for them. Raises DatabaseAwayError within the budget.
        """
        (query, weight), given, budget = statements(name), parameters or {}, budget or Budget()
        rows = await self._execute(name, query, {**given, "light": LIGHT}, budget)
        # No row: it is too heavy, or there is none.
        if rows or weight is None:
            return rows
        ((stored,),) = await self._execute(name, weight, given, budget)
        if int(stored) <= LIGHT:
            return rows
        async with self._turn(self._costly, budget), self._turn(self._heavy if int(stored) > HEAVY else None, budget):
            return await self._execute(name, query, {**given, "light": 2**62}, budget)

    @asynccontextmanager
    async def _turn(self, lane: asyncio.Semaphore | None, budget: Budget) -> AsyncIterator[None]:
        """Hold a turn of a costly statement. Raises BusyError when none is free in time."""
        if lane is None:
            yield
            return
        try:
            with budget.waiting() as seconds:
                async with asyncio.timeout(seconds):
                    await lane.acquire()
        except TimeoutError:
            raise BusyError("too many large answers are being made") from None
        try:
            yield
        finally:
            lane.release()

    async def _execute(
        self, name: str, query: Statement, parameters: Mapping[str, object], budget: Budget
    ) -> Sequence[Row]:
        """Return the rows of a statement, which is tried again where that helps. Raises DatabaseAwayError."""
        began = time.monotonic()
        while True:
            connection: Connection | None = None
            try:
                connection = await self._take(budget)
                result = await execute(connection, query, parameters, budget.left)
                self.statements.inc()
                # Several rows may be many megabytes, whose copying would keep the event loop.
                return _texts(result) if result.ntuples < 2 else await asyncio.to_thread(_texts, result)
            except (PoolTimeout, PoolClosed) as error:
                raise DatabaseAwayError(f"no connection for {name}.sql: {error}") from error
            except TimeoutError as error:
                raise DatabaseAwayError(f"no answer to {name}.sql in time") from error
            except errors.QueryCanceled as error:
                raise BusyError(f"{name}.sql: {error}") from error
            except OperationalError as error:
                # A server that restarted leaves dead connections in the pool; each is found by using it, which costs
                # living ones nothing. A replica cancels statements that keep it from following the primary.
                again = isinstance(error, _RECOVERY_CONFLICTS) or (
                    connection is not None and connection.broken and time.monotonic() < began + CONNECTION_SECONDS
                )
                if not again or budget.left <= 0.001:
                    raise DatabaseAwayError(f"{name}.sql: {error}") from error
            except _NOT_READY as error:
                raise DatabaseAwayError(f"{name}.sql: {error}") from error
            finally:
                if connection is not None:
                    await self._give_back(connection)

    async def _take(self, budget: Budget) -> Connection:
        """Return a connection: one that is at hand, or one of the pool. Raises what psycopg_pool raises."""
        if self._at_hand:
            return self._at_hand.pop()
        self._waiting += 1
        try:
            with budget.waiting() as seconds:
                return await self._pool.getconn(seconds)
        finally:
            self._waiting -= 1

    async def _give_back(self, connection: Connection) -> None:
        """Keep it at hand, which takes less than the pool's bookkeeping, unless others wait or it is closed."""
        if self._waiting or connection.closed or self._pool.closed:
            await self._pool.putconn(connection)
        else:
            self._at_hand.append(connection)


def _texts(result: PGresult) -> Sequence[Row]:
    return [
        tuple(result.get_value(row, column) or b"" for column in range(result.nfields)) for row in range(result.ntuples)
    ]
