"""The ledger, read; and beside it the attempts that published nothing."""

from datetime import date

import pandas as pd
from sqlalchemy import Engine

from pyzn_pipeline.store.database import statement


def days(engine: Engine, first: date, last: date) -> pd.DataFrame:
    """One row per UTC day from `first` to `last`, in order, columns as in ledger.sql; a gap has status 'missing'."""
    with engine.connect() as connection:
        rows = pd.read_sql(statement("ledger"), connection, params={"first": first, "last": last})
    return rows.convert_dtypes()  # counts stay integers beside a gap's NA
