"""The ledger, read; and beside it the attempts that published nothing."""

from datetime import UTC, date, datetime, timedelta

import pandas as pd
from sqlalchemy import Engine, text

from pyzn_pipeline.store.database import statement
from pyzn_pipeline.store.errors import store_errors

EXPECTED_HOUR = 20  # UTC: three hours after the daily run, and a retry or two


def days(engine: Engine, first: date, last: date) -> pd.DataFrame:
    """One row per UTC day from `first` to `last`, in order, columns as in ledger.sql; a gap has status 'missing'."""
    with engine.connect() as connection:
        rows = pd.read_sql(statement("ledger"), connection, params={"first": first, "last": last})
    return rows.convert_dtypes()  # counts stay integers beside a gap's NA


def freshness(engine: Engine, now: datetime) -> tuple[date | None, int]:
    """The newest published day, and how many days it is late at `now`.

    Yesterday is expected from EXPECTED_HOUR UTC on, the day before it until then. With nothing
    published, one day is late.
    """
    with store_errors("freshness"), engine.connect() as connection:
        newest: date | None = connection.execute(text("SELECT max(day) FROM pyzn.days")).scalar_one()
    expected = (now.astimezone(UTC) - timedelta(hours=EXPECTED_HOUR)).date() - timedelta(days=1)
    return newest, max((expected - newest).days, 0) if newest else 1
