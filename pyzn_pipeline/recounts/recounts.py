"""Recounts: asks the source for its count of published days, which costs far less than reading them."""

from datetime import UTC, date, datetime
from typing import NamedTuple

import pandas as pd
from sqlalchemy import Engine

from pyzn_pipeline import calendar
from pyzn_pipeline.source.count import Counts
from pyzn_pipeline.source.protocol import Source
from pyzn_pipeline.store.database import statement
from pyzn_pipeline.store.errors import store_errors


class Published(NamedTuple):
    """A published day, its revision, and the source's count at that time."""

    day: date
    revision: int
    source_downloads: int


def due_for_recount(engine: Engine, now: datetime) -> list[Published]:
    """The published days that are due for a recount, oldest first."""
    due = {
        "now": now,
        "pause": calendar.RECOUNT_PAUSE,
        "ages": list(calendar.RECOUNTED_AFTER),
        "at": calendar.RECOUNTED_AT,
        "settled_after": calendar.SETTLED_AFTER,
    }
    with store_errors("days due for a recount"), engine.connect() as connection:
        return [Published(*row) for row in connection.execute(statement("due_for_recount", __file__), due)]


def record_recount(engine: Engine, published: Published, found: int, by: str) -> str | None:
    """Store the source's current count and what gave it. Return the day's status; None if it was published again."""
    settled = calendar.settled(published.day, datetime.now(UTC))
    recount = {"day": published.day, "revision": published.revision, "found": found, "by": by, "settled": settled}
    with store_errors(f"day {published.day}"), engine.begin() as connection:
        status: str | None = connection.execute(statement("record_recount", __file__), recount).scalar_one_or_none()
    return status


def recount(source: Source, engine: Engine, now: datetime) -> tuple[pd.DataFrame, Counts]:
    """Recount the days that are due at `now` and store the source's counts in the ledger.

    Returns a row per day that could be counted, in order (day, published, found, counted by, status after it), and the
    counts. If a day was published again meanwhile, its row is not changed. Raises SourceError or StoreError.
    """
    due = due_for_recount(engine, now)
    published = {day.day: day.source_downloads for day in due}
    counts = source.count(published)
    rows = []
    for day in due:
        if day.day in counts.failed:
            continue
        found, by = counts.downloads[day.day], counts.counted_by[day.day]
        status = record_recount(engine, day, found, by) or "published again"
        rows.append((day.day, day.source_downloads, found, by, status))
    return pd.DataFrame(rows, columns=["day", "published", "found", "counted by", "status"]), counts
