"""Recounts: asks the source for its count of published days, which costs far less than reading them."""

from datetime import datetime

import pandas as pd
from sqlalchemy import Engine

from pyzn_pipeline.source.count import Counts
from pyzn_pipeline.source.protocol import Source
from pyzn_pipeline.store.recounts import due_for_recount, record_recount


def recount(source: Source, engine: Engine, now: datetime) -> tuple[pd.DataFrame, Counts]:
    """Recount the days that are due at `now` and store the source's counts in the ledger.

    Returns a row per day, in order (day, published, found, counted by, status after it), and the counts. If a day
    was published again meanwhile, its row is not changed. Raises CostLimitExceeded, SourceError or StoreError.
    """
    due = due_for_recount(engine, now)
    published = {day.day: day.source_downloads for day in due}
    counts = source.count(published)
    rows = []
    for day in due:
        found, by = counts.downloads[day.day], counts.counted_by[day.day]
        status = record_recount(engine, day, found, by) or "published again"
        rows.append((day.day, day.source_downloads, found, by, status))
    return pd.DataFrame(rows, columns=["day", "published", "found", "counted by", "status"]), counts
