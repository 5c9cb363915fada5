"""Recounts: the published days to be counted again at the source, and the counts that it gave."""

from datetime import UTC, date, datetime
from typing import NamedTuple

from sqlalchemy import Engine

from pyzn_pipeline import calendar
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
        return [Published(*row) for row in connection.execute(statement("due_for_recount"), due)]


def record_recount(engine: Engine, published: Published, found: int, by: str) -> str | None:
    """Store the source's current count and what gave it. Return the day's status; None if it was published again."""
    settled = calendar.settled(published.day, datetime.now(UTC))
    recount = {"day": published.day, "revision": published.revision, "found": found, "by": by, "settled": settled}
    with store_errors(f"day {published.day}"), engine.begin() as connection:
        status: str | None = connection.execute(statement("record_recount"), recount).scalar_one_or_none()
    return status
