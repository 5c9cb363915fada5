"""Waits that end when the thing is there; their limit is far away, for a busy machine is no failure."""

import time
from collections.abc import Callable

import psycopg

LIMIT = 300  # seconds


def wait_until(true: Callable[[], object], seconds: float = LIMIT) -> None:
    """Return once `true` returns something true. AssertionError after `seconds`."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not within {seconds} seconds"
        time.sleep(0.05)


def wait_for_lock(connection: psycopg.Connection, waiting: int = 1) -> None:
    """Return once that many sessions wait for a lock in the database of `connection`."""
    query = (
        "SELECT count(*) >= %s FROM pg_locks JOIN pg_database ON oid = database "
        "WHERE datname = current_database() AND NOT granted"
    )
    wait_until(lambda: connection.execute(query, [waiting]).fetchone() == (True,))
