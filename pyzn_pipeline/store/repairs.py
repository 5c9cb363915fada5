"""What the ledger says is to be done: days to ask the source about, and days to read."""

from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

from sqlalchemy import Engine

from pyzn_pipeline.store.database import statement
from pyzn_pipeline.store.errors import store_errors
from pyzn_pipeline.store.publication import SETTLED_AFTER

SCHEDULE_HOUR = 17  # UTC, of the daily run for the day before; an hour later that day counts as missing


class Published(NamedTuple):
    """A published day, its revision and the count of the source that it rests on."""

    day: date
    revision: int
    source_downloads: int


class Wanted(NamedTuple):
    """A day to read, and the run that was to read it before, if there was one."""

    day: date
    run_id: str | None


def due_for_recount(engine: Engine, now: datetime) -> list[Published]:
    """The published days that the source is to be asked about again, oldest first."""
    with store_errors("days due for a re-count"), engine.connect() as connection:
        return [Published(*row) for row in connection.execute(statement("due_for_recount"), {"now": now})]


def due_for_reading(engine: Engine, now: datetime, heal_from: date | None) -> list[Wanted]:
    """The days to read, newest first; missing ones from `heal_from` on, see due_for_reading.sql."""
    latest = (now.astimezone(UTC) - timedelta(hours=SCHEDULE_HOUR + 1)).date() - timedelta(days=1)
    found = {"now": now, "heal_from": heal_from, "last": latest}
    with store_errors("days due for reading"), engine.connect() as connection:
        return [Wanted(*row) for row in connection.execute(statement("due_for_reading"), found)]


def record_recount(engine: Engine, published: Published, found: int) -> str | None:
    """Keep what the source counts now, and return the day's status; None if it was published anew meanwhile."""
    settled = datetime.now(UTC) >= datetime.combine(published.day + timedelta(days=SETTLED_AFTER), time(), UTC)
    recount = {"day": published.day, "revision": published.revision, "found": found, "settled": settled}
    with store_errors(f"day {published.day}"), engine.begin() as connection:
        status: str | None = connection.execute(statement("record_recount"), recount).scalar_one_or_none()
    return status
