"""Gates in the transaction that publishes a day, see gates.sql. A run stops at a closed gate."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from typing import Self

import psycopg

from tests.waiting import wait_for_lock, wait_until

POINTS = (
    "totals are locked", "totals have moved", "old rows are deleted", "new rows are there",
    "the ledger is written", "breakdowns are listed", "it commits",
)  # fmt: skip
"""The triggers of gates.sql, in the order in which a run reaches them."""
WAITING_AT = """
    SELECT pid FROM pg_locks
    WHERE locktype = 'advisory' AND NOT granted AND objsubid = 2
      AND (classid, objid) = ((hashtext('chaos')::bigint & 4294967295)::oid, (hashtext(%s)::bigint & 4294967295)::oid)
"""


class Gatekeeper:
    """Creates the gates, and closes and opens them."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection
        connection.execute(files("chaos").joinpath("gates.sql").read_bytes())

    @classmethod
    @contextmanager
    def of(cls, owner_url: str) -> Iterator[Self]:
        """Yield a gatekeeper for a database. At the end all gates open."""
        with psycopg.connect(owner_url, autocommit=True) as connection:
            yield cls(connection)

    @contextmanager
    def closed(self, point: str) -> Iterator[None]:
        """Let no run pass `point` inside the block."""
        self._connection.execute("SELECT pg_advisory_lock(hashtext('chaos'), hashtext(%s))", [point])
        try:
            yield
        finally:
            self._connection.execute("SELECT pg_advisory_unlock(hashtext('chaos'), hashtext(%s))", [point])

    def arrived(self, point: str) -> int:
        """Wait for a run at `point`, and return its server process."""
        wait_until(lambda: self._connection.execute(WAITING_AT, [point]).fetchone())
        ((pid,),) = self._connection.execute(WAITING_AT, [point]).fetchall()
        return int(pid)

    def waiting(self, sessions: int) -> None:
        """Return when this many sessions wait for tables or advisory locks."""
        wait_for_lock(self._connection, sessions)

    def gone(self, pid: int) -> None:
        """Return when that server process has ended. It finishes its statement before it notices a dead client."""
        alive = "SELECT FROM pg_stat_activity WHERE pid = %s"
        wait_until(lambda: self._connection.execute(alive, [pid]).fetchone() is None)
