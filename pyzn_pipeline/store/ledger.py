"""Reads the ledger, with the attempts that published nothing."""

from datetime import date, datetime

import pandas as pd
from sqlalchemy import Engine, text

from pyzn_pipeline import calendar
from pyzn_pipeline.store.database import statement
from pyzn_pipeline.store.errors import store_errors


def days(engine: Engine, first: date, last: date) -> pd.DataFrame:
    """One row per UTC day from `first` to `last`, in order, columns as in ledger.sql; status 'missing' for a gap."""
    with engine.connect() as connection:
        rows = pd.read_sql(statement("ledger"), connection, params={"first": first, "last": last})
    return rows.convert_dtypes()  # keeps counts as integers even if a gap has NA


def freshness(engine: Engine, now: datetime) -> tuple[date | None, int]:
    """The newest published day, and how many days late it is at `now`.

    From calendar.LATE_AT on, yesterday should be published; before that, the day before yesterday. If no day
    is published, one day is late.
    """
    with store_errors("freshness"), engine.connect() as connection:
        newest: date | None = connection.execute(text("SELECT max(day) FROM pyzn.days")).scalar_one()
    return newest, max((calendar.latest(now, calendar.LATE_AT) - newest).days, 0) if newest else 1
