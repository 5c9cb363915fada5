"""Recounts: asks the source for its count of published days, which costs far less than reading them."""

from datetime import datetime

import pandas as pd
from sqlalchemy import Engine

from pyzn_pipeline.source.connection import Clients
from pyzn_pipeline.source.count import count_days
from pyzn_pipeline.store.recounts import due_for_recount, record_recount


def recount(
    clients: Clients, table: str, maximum_bytes_billed: int, engine: Engine, now: datetime
) -> tuple[pd.DataFrame, int]:
    """Recount the days that are due at `now` and store the source's counts in the ledger.

    Returns a row per day, in order (day, published, found, status after it), and the bytes billed. If a day
    was published again meanwhile, its row is not changed. Raises CostLimitExceeded, SourceError or StoreError.
    """
    due = due_for_recount(engine, now)
    found, billed = count_days(clients, table, [published.day for published in due], maximum_bytes_billed)
    rows = [
        (
            day.day,
            day.source_downloads,
            found[day.day],
            record_recount(engine, day, found[day.day]) or "published again",
        )
        for day in due
    ]
    return pd.DataFrame(rows, columns=["day", "published", "found", "status"]), billed
