"""Locks on days: only one process at a time works on a day."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

from sqlalchemy import Connection, Engine

from pyzn_pipeline.store.database import statement


@contextmanager
def days_locked(engine: Engine, first: date, last: date) -> Iterator[Connection]:
    """A connection that holds the locks on the days from `first` to `last`; other processes wait for it.

    A lock covers the scan and the publication, so an older reading cannot replace a newer one. It
    belongs to the session, so Postgres releases it even if this process is killed.
    """
    with engine.connect() as connection:
        connection.execute(statement("lock_days"), {"first": first, "last": last})
        connection.commit()
        yield connection
