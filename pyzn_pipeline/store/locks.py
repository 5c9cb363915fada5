"""Locks on days: only one process at a time works on a day."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta

from sqlalchemy import Connection, Engine

from pyzn_pipeline.store.database import statement


@contextmanager
def day_locked(engine: Engine, day: date) -> Iterator[Connection]:
    """A connection that holds the lock on `day`; other processes wait for it.

    The lock covers the scan and the publication, so an older reading cannot replace a newer one. It
    belongs to the session, so Postgres releases it even if this process is killed.
    """
    with days_locked(engine, day, day + timedelta(days=1)) as connection:
        yield connection


@contextmanager
def days_locked(engine: Engine, first: date, following: date) -> Iterator[Connection]:
    """The same as day_locked, for all days of [first, following)."""
    with engine.connect() as connection:
        connection.execute(statement("lock_days"), {"first": first, "following": following})
        connection.commit()
        yield connection
