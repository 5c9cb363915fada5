"""The ledger as a data frame, which tests look into by column."""

from datetime import date

import pandas as pd
from sqlalchemy import Engine

from pyzn_pipeline.store import ledger


def days(engine: Engine, first: date, last: date) -> pd.DataFrame:
    """The ledger's rows from `first` to `last`."""
    return pd.DataFrame(ledger.days(engine, first, last)).convert_dtypes()
