"""Gates in the transaction that publishes a day, see gates.sql. A run stops at a closed gate."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from typing import Self

import psycopg

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
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
TIMEOUT = 120  # seconds


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
        """Wait for a run at `point`, and return its server process. Raises TimeoutError when none comes."""
        return self._once(WAITING_AT, [point], f"no run came to the gate {point!r}")

    def waiting(self, sessions: int) -> None:
        """Return when this many sessions wait for locks of any kind. Raises TimeoutError when fewer do."""
        self._once(f"SELECT 1 WHERE ({WAITING}) >= %s", [sessions], f"fewer than {sessions} sessions wait")

    def gone(self, pid: int) -> None:
        """Return when that server process has ended. It finishes its statement before it notices a dead client."""
        self._once(
            "SELECT 1 WHERE NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = %s)", [pid], f"process {pid} lives on"
        )

    def _once(self, query: str, parameters: list[object], otherwise: str) -> int:
        deadline = time.monotonic() + TIMEOUT
        while time.monotonic() < deadline:
            if found := self._connection.execute(query, parameters).fetchone():
                return int(found[0])
            time.sleep(0.005)
        raise TimeoutError(f"{otherwise} within {TIMEOUT} s")
