"""Recounts: asks the source for its count of published days, which costs far less than reading them."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import NamedTuple

from sqlalchemy import Engine, text

from pyzn_pipeline import calendar
from pyzn_pipeline.source.count import Counts, DayCount
from pyzn_pipeline.source.protocol import Source
from pyzn_pipeline.store.database import statement
from pyzn_pipeline.store.errors import store_errors


class PublishedDay(NamedTuple):
    """A published day, its revision, and the source's count at that time."""

    day: date
    revision: int
    source_downloads: int


def due_for_recount(engine: Engine, now: datetime) -> list[PublishedDay]:
    """Return the published days that are due for a recount, oldest first."""
    due = {
        "now": now,
        "pause": calendar.RECOUNT_PAUSE,
        "ages": list(calendar.RECOUNTED_AFTER),
        "at": calendar.RECOUNTED_AT,
        "settled_after": calendar.SETTLED_AFTER,
    }
    with store_errors("days due for a recount"), engine.connect() as connection:
        return [PublishedDay(*row) for row in connection.execute(statement("due_for_recount", __file__), due)]


def differing_days(engine: Engine) -> list[date]:
    """Return the published days for which the source's latest count is another one, in order. Raises StoreError."""
    query = text(
        "SELECT day FROM pyzn.days WHERE source_recount <> source_downloads AND retired_at IS NULL ORDER BY day"
    )
    with store_errors("days that differ"), engine.connect() as connection:
        return list(connection.execute(query).scalars())


def record_recount(engine: Engine, published: PublishedDay, found: int, by: str) -> str | None:
    """Store the source's current count and what gave it. Return the day's status; None if it was published again."""
    settled = calendar.settled(published.day, datetime.now(UTC))
    recount = {"day": published.day, "revision": published.revision, "found": found, "by": by, "settled": settled}
    with store_errors(f"day {published.day}"), engine.begin() as connection:
        status: str | None = connection.execute(statement("record_recount", __file__), recount).scalar_one_or_none()
    return status


def recount(
    source: Source, engine: Engine, due: Sequence[PublishedDay], metadata_alone: bool = False
) -> tuple[list[DayCount], Counts]:
    """Recount the days in `due` and store the source's counts in the ledger.

    With `metadata_alone` only days whose count the metadata confirms. A day that was published again meanwhile is
    unchanged. Returns the days that could be counted, in order, and the counts. Raises SourceError or StoreError.
    """
    counts = source.count({day.day: day.source_downloads for day in due}, metadata_alone)
    found = []
    for day in due:
        if day.day in counts.downloads:
            count, by = counts.downloads[day.day], counts.counted_by[day.day]
            status = record_recount(engine, day, count, by) or "published again"
            found.append(DayCount(day.day, day.source_downloads, count, by, status))
    return found, counts
