"""Locks on days: who works on a day works on it alone, in whichever process."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta

from sqlalchemy import Connection, Engine

from pyzn_pipeline.store.database import statement


@contextmanager
def day_locked(engine: Engine, day: date) -> Iterator[Connection]:
    """A connection that alone may work on `day`, in whichever process; others wait their turn.

    The lock covers the scan as well as the publication, so an older reading cannot replace a newer
    one. It belongs to the session and ends with it, however this process ends.
    """
    with days_locked(engine, day, day + timedelta(days=1)) as connection:
        yield connection


@contextmanager
def days_locked(engine: Engine, first: date, following: date) -> Iterator[Connection]:
    """As day_locked, for all the days of [first, following)."""
    with engine.connect() as connection:
        connection.execute(statement("lock_days"), {"first": first, "following": following})
        connection.commit()
        yield connection
