"""Reads the ledger, with the attempts that published nothing."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import Engine, text

from pyzn_pipeline import calendar
from pyzn_pipeline.store.database import statement
from pyzn_pipeline.store.errors import store_errors


def days(engine: Engine, first: date, last: date) -> list[dict[str, Any]]:
    """Return a row per UTC day from `first` to `last`, in order: columns as in ledger.sql, 'missing' for a gap."""
    with engine.connect() as connection:
        found = connection.execute(statement("ledger"), {"first": first, "last": last}).mappings()
        return [dict(row) for row in found]


def freshness(engine: Engine, now: datetime) -> tuple[date | None, int]:
    """Return the newest published day, and how many days late it is at `now`.

    From calendar.LATE_AT on, yesterday should be published; before that, the day before yesterday. If no day
    is published, one day is late.
    """
    with store_errors("freshness"), engine.connect() as connection:
        newest: date | None = connection.execute(text("SELECT max(day) FROM pyzn.days")).scalar_one()
    return newest, max((calendar.latest(now, calendar.LATE_AT) - newest).days, 0) if newest else 1
