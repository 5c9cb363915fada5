"""One statement on a connection of psycopg, over libpq's own asynchronous interface.

psycopg's cursors do the same and more, in generators that take as long as a small statement does in Postgres. Here
nothing is converted: parameters are sent as texts, whose types Postgres finds, and the result comes as libpq has it.
"""

import asyncio
import re
from collections.abc import Callable, Mapping
from itertools import count
from typing import NamedTuple, Self

from psycopg import AsyncConnection, errors, pq
from psycopg.adapt import PyFormat, Transformer
from psycopg.pq.abc import PGconn, PGresult

_PARAMETER = re.compile(r"%(?:\((\w+)\)s|%)")
_OK = {pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK}
_transformer = Transformer()
_numbers = count()


class Connection(AsyncConnection):
    """A connection with the names of the statements prepared on it."""

    prepared: set[bytes] | None = None  # None: a prepared statement may end up on another session


class Statement(NamedTuple):
    """A statement with Postgres' own parameters in place of psycopg's `%(name)s`."""

    sql: bytes  # with $1, $2, …
    parameters: tuple[str, ...]  # the names of these
    name: bytes

    @classmethod
    def of(cls, query: str) -> Self:
        """Return the statement of a query in psycopg's form, without its comments."""
        names: dict[str, int] = {}

        def number(found: re.Match[str]) -> str:
            return f"${names.setdefault(found[1], len(names) + 1)}" if found[1] else "%"

        sql = _PARAMETER.sub(number, re.sub("--.*", "", query))
        return cls(sql.encode(), tuple(names), b"pyzn_%d" % next(_numbers))


def _text(value: object) -> bytes | None:
    """Return `value` as Postgres reads it."""
    if isinstance(value, str):
        return value.encode()
    return None if value is None else bytes(_transformer.get_dumper(value, PyFormat.TEXT).dump(value) or b"")


async def execute(
    connection: Connection, statement: Statement, parameters: Mapping[str, object], seconds: float
) -> PGresult:
    """Return the result of a statement, prepared at its first use where the connection keeps prepared statements.

    Raises what psycopg raises, and TimeoutError after `seconds`. Then, and when it is cancelled, the connection is
    closed: a server that hangs would not even answer a request to cancel.
    """
    pgconn = connection.pgconn
    values = [_text(parameters[name]) for name in statement.parameters]
    try:
        async with asyncio.timeout(seconds):
            if connection.prepared is None:
                pgconn.send_query_params(statement.sql, values)
                return await _result(pgconn)
            if statement.name not in connection.prepared:
                pgconn.send_prepare(statement.name, statement.sql)
                await _result(pgconn)
                connection.prepared.add(statement.name)
            pgconn.send_query_prepared(statement.name, values)
            return await _result(pgconn)
    except (TimeoutError, asyncio.CancelledError):
        pgconn.finish()
        raise


async def _result(pgconn: PGconn) -> PGresult:
    """Send what is buffered, and return the result. Raises what psycopg raises."""
    loop, socket = asyncio.get_running_loop(), pgconn.socket
    while pgconn.flush():  # more than the socket takes at once
        await _ready(socket, loop.add_writer, loop.remove_writer)
    result = None
    while True:
        while not pgconn.is_busy():
            if (more := pgconn.get_result()) is None:
                if result is None or result.status not in _OK:
                    raise errors.error_from_result(result) if result else errors.OperationalError("no result")
                return result
            result = more
        # Anew each time: an event loop forgets a socket that has an error, and then the rest is still to be read.
        await _ready(socket, loop.add_reader, loop.remove_reader)
        pgconn.consume_input()


async def _ready(socket: int, add: Callable[[int, Callable[[], None]], None], remove: Callable[[int], bool]) -> None:
    """Wait until the socket can be read or written, as `add` watches for."""
    event = asyncio.get_running_loop().create_future()

    def happened() -> None:
        if not event.done():
            event.set_result(None)

    add(socket, happened)
    try:
        await event
    finally:
        remove(socket)
