"""Retention: whole months that are old enough lose their rows by day, and stay in the totals."""

import time
from datetime import date, timedelta

from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError

from pyzn_pipeline.breakdowns import BREAKDOWNS
from pyzn_pipeline.errors import PyznError
from pyzn_pipeline.store.database import statement
from pyzn_pipeline.store.errors import store_errors
from pyzn_pipeline.store.partitions import following_month, partitions

LOCK_TIMEOUT = "100ms"  # for which readers may queue behind a drop that itself waits for a reader
PATIENCE_SECONDS = 10 * 60


class RetirementBlocked(PyznError):
    """Somebody has been reading the month for too long; nothing of it was dropped."""


def retire(engine: Engine, today: date, keep_days: int) -> list[date]:
    """Drop the rows of every month that ended more than `keep_days` days before `today`; the months, oldest first.

    Each month goes in one transaction: its days are marked in the ledger, it is closed to readings, its
    partitions are dropped. Raises RetirementBlocked or StoreError.
    """
    with store_errors("retention"), engine.connect() as connection:
        found = connection.execute(statement("months_to_retire"), {"before": today - timedelta(days=keep_days)})
        months: list[date] = list(found.scalars())
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
                for breakdown in BREAKDOWNS:
                    for name, _, _ in partitions(connection, breakdown, month, following_month(month)):
                        connection.execute(text(f"DROP TABLE pyzn.{name}"))
        except OperationalError as error:
            if "lock timeout" not in str(error.orig):
                raise
            if time.monotonic() > deadline:
                raise RetirementBlocked(
                    f"{month:%B %Y} has been read without a pause for {PATIENCE_SECONDS // 60} minutes, a long "
                    "transaction perhaps (see pg_stat_activity); not retired, tried again with the next run"
                ) from error
            time.sleep(1)
        else:
            return
