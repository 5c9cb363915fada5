"""Retention: drops the rows by day of whole months that are old enough. Their downloads stay in the totals."""

import time
from collections.abc import Callable, Mapping
from datetime import date, timedelta

from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError

from pyzn_pipeline.errors import PyznError
from pyzn_pipeline.store.database import statement
from pyzn_pipeline.store.errors import store_errors
from pyzn_pipeline.store.partitions import following_month, partitions

LOCK_TIMEOUT = "100ms"  # how long new readers may have to wait while a drop waits for an older reader
TIMEOUT_SECONDS = 10 * 60


class RetirementFailed(PyznError):
    """Months could not be retired; they are as they were. The message has the reason of each."""


Days = Mapping[date, tuple[int, str]]
"""Revision and checksum by day."""


def retire(engine: Engine, today: date, keep_days: int, exported: Callable[[date], Days] | None = None) -> list[date]:
    """Drop the rows of every month that ended more than `keep_days` days before `today`.

    With `exported`, which returns the days of a month that are elsewhere, a month waits until all are. Returns the
    months that were dropped, oldest first. Each is one transaction: its days are marked in the ledger, no reading of
    them is allowed any more, its partitions are dropped. A month that cannot be retired does not stop the others:
    raises RetirementFailed after them, or StoreError.
    """
    with store_errors("retention"), engine.connect() as connection:
        found = connection.execute(
            statement("months_to_retire", __file__), {"before": today - timedelta(days=keep_days)}
        )
        months: list[date] = list(found.scalars())
    retired, failures = [], []
    for month in months:
        try:
            elsewhere = exported(month) if exported is not None else None
            with store_errors(f"retention of {month:%B %Y}"):
                if _retire(engine, month, elsewhere):
                    retired.append(month)
        except PyznError as error:
            failures.append(str(error))
    if failures:
        raise RetirementFailed("; ".join(failures))
    return retired


def _retire(engine: Engine, month: date, elsewhere: Days | None) -> bool:
    """Return whether the month was dropped: not if `elsewhere` lacks one of its days as it is published."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while True:
        try:
            with engine.begin() as connection:
                connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('pyzn.totals'))"))
                # From here on no day can be published.
                published = connection.execute(statement("days_of_month", __file__), {"month": month})
                if elsewhere is not None and any(
                    elsewhere.get(row.day) != (row.revision, row.checksum) for row in published
                ):
                    return False
                connection.execute(statement("close_month", __file__), {"month": month})
                connection.execute(statement("retire_days", __file__), {"month": month})
                connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'"))
                for name, _, _ in partitions(connection, month, following_month(month)):
                    connection.execute(text(f"DROP TABLE pyzn.{name}"))
        except OperationalError as error:
            if "lock timeout" not in str(error.orig):
                raise
            if time.monotonic() > deadline:
                raise RetirementFailed(
                    f"{month:%B %Y} has been read without a pause for {TIMEOUT_SECONDS // 60} minutes, perhaps by a "
                    "long transaction (see pg_stat_activity); not retired, the next run tries again"
                ) from error
            time.sleep(1)
        else:
            return True
