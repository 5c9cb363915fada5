"""Retention: drops the rows by day of whole months that are old enough. Their downloads stay in the totals."""

import time
from collections.abc import Collection
from datetime import date, timedelta

from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError

from pyzn_pipeline.errors import PyznError
from pyzn_pipeline.store.database import statement
from pyzn_pipeline.store.errors import store_errors
from pyzn_pipeline.store.partitions import following_month, partitions

LOCK_TIMEOUT = "100ms"  # how long new readers may have to wait while a drop waits for an older reader
PATIENCE_SECONDS = 10 * 60


class RetirementBlocked(PyznError):
    """The month could not be locked, because others kept reading it. Nothing was dropped."""


def retire(engine: Engine, today: date, keep_days: int, still_needed: Collection[date] = ()) -> list[date]:
    """Drop the rows of every month that ended more than `keep_days` days before `today`.

    A month with a day in `still_needed` waits: that day's rows are nowhere else yet. Returns the months that were
    dropped, oldest first. Each is one transaction: its days are marked in the ledger, no reading of them is allowed any
    more, its partitions are dropped. Raises RetirementBlocked or StoreError.
    """
    with store_errors("retention"), engine.connect() as connection:
        found = connection.execute(statement("months_to_retire"), {"before": today - timedelta(days=keep_days)})
        waiting = {day.replace(day=1) for day in still_needed}
        months = [month for month in found.scalars() if month not in waiting]
    for month in months:
        with store_errors(f"retention of {month:%B %Y}"):
            _retire(engine, month)
    return months


def _retire(engine: Engine, month: date) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            with engine.begin() as connection:
                connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('pyzn.totals'))"))
                connection.execute(statement("close_month"), {"month": month})
                connection.execute(statement("retire_days"), {"month": month})
                connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'"))
                for name, _, _ in partitions(connection, month, following_month(month)):
                    connection.execute(text(f"DROP TABLE pyzn.{name}"))
        except OperationalError as error:
            if "lock timeout" not in str(error.orig):
                raise
            if time.monotonic() > deadline:
                raise RetirementBlocked(
                    f"{month:%B %Y} has been read without a pause for {PATIENCE_SECONDS // 60} minutes, perhaps by a "
                    "long transaction (see pg_stat_activity); not retired, the next run tries again"
                ) from error
            time.sleep(1)
        else:
            return
