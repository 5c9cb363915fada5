"""The ledger, read; and the failures beside it."""

from datetime import date

import pandas as pd
from sqlalchemy import Engine

from pyzn_pipeline.store.database import statement
from pyzn_pipeline.store.errors import store_errors


def days(engine: Engine, first: date, last: date) -> pd.DataFrame:
    """One row per UTC day from `first` to `last`, in order, columns as in ledger.sql; a gap has status 'missing'."""
    with engine.connect() as connection:
        rows = pd.read_sql(statement("ledger"), connection, params={"first": first, "last": last})
    return rows.convert_dtypes()  # counts stay integers beside a gap's NA


def record_failure(engine: Engine, day: date, run_id: str, reason: str) -> None:
    """Keep why `day` was not published, until it is."""
    with store_errors(f"day {day}"), engine.begin() as connection:
        connection.execute(statement("record_failure"), {"day": day, "run_id": run_id, "reason": reason})
