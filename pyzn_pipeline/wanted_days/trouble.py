"""Reads the trouble in the ledger: days that failed or wait, backfills that failed, requests that are set aside."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

from sqlalchemy import Engine, TextClause, text

from pyzn_pipeline.days import ranges, spans
from pyzn_pipeline.store.database import statement
from pyzn_pipeline.store.errors import store_errors

MOST_COMMANDS = 5  # in one message


class WantedDay(NamedTuple):
    """A wanted UTC day that was tried and is not read yet, see trouble.sql."""

    day: date
    attempts: int
    run_id: str | None
    reason: str | None
    next_attempt_at: datetime | None
    failed: bool
    given_up: bool


def outcome(failed: Sequence[WantedDay]) -> tuple[str, str, str]:
    """Return what became of days that were all given up, or will all be tried again; a reason; and the way out."""
    days, last = [day.day for day in failed], failed[-1]
    count = "1 day" if len(days) == 1 else f"{len(days)} days"
    reason = last.reason or f"day {last.day}: its run died {last.attempts} times without an error"
    if again := min((day.next_attempt_at for day in failed if day.next_attempt_at), default=None):
        what = f"{count} could not be read, tried again from {utc(again)}: {ranges(days)}"
        return (what, reason, "nothing to do yet, unless the reason needs it")
    what = f"{count} given up, not tried again unless you ask: {ranges(days)}"
    # Not from the first to the last: the days between would be read too, and billed.
    commands = [f"pyzn backfill {first} {last}" for first, last in spans(days)]
    more = f"; and so on for {len(commands) - MOST_COMMANDS} more" if len(commands) > MOST_COMMANDS else ""
    unneeded = f"or, if nobody needs them: pyzn backfill --withdraw {days[0]} {days[-1]}"
    return (what, reason, f"fix the cause, then: {'; '.join(commands[:MOST_COMMANDS])}{more}; {unneeded}")


def utc(moment: datetime) -> str:
    """Return a time to the minute."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


class WaitingDays(NamedTuple):
    """The wanted days that wait or are being read, in order; and since when no day has been read."""

    days: list[date]
    idle_since: datetime | None


class FailedBackfill(NamedTuple):
    """A backfill that Dagster ended early: the reason, and those of its days that are still wanted."""

    id: str
    failure: str
    days: list[date]


WAITING = text(
    "SELECT coalesce(array_agg(day ORDER BY day), '{}'), greatest(min(asked_at), (SELECT max(read_at) FROM pyzn.days)) "
    "FROM pyzn.wanted_days WHERE state = 'waiting'"
)
SET_ASIDE = text(
    "SELECT id, set_aside FROM pyzn.requests "
    "WHERE set_aside IS NOT NULL AND asked_at > now() - interval '24 hours' ORDER BY asked_at, id"
)
IS_ATTEMPT = text("SELECT EXISTS (SELECT FROM pyzn.wanted WHERE run_id = :run_id)")


def days_tried(engine: Engine) -> list[WantedDay]:
    """Return the wanted days that were tried and are not read yet, in order. Raises StoreError."""
    return [WantedDay(*row) for row in _rows(engine, statement("trouble", __file__))]


def waiting(engine: Engine) -> WaitingDays:
    """Return the days that wait for their run or are being read. Raises StoreError."""
    ((days, idle_since),) = _rows(engine, WAITING)
    return WaitingDays(days, idle_since if days else None)


def failed_backfills(engine: Engine) -> list[FailedBackfill]:
    """Return the failed backfills that still have wanted days, newest first. Raises StoreError."""
    return [FailedBackfill(*row) for row in _rows(engine, statement("failed_backfills", __file__))]


def set_aside(engine: Engine) -> dict[str, str]:
    """Return why days of the requests of the last 24 hours are set aside, by request, in order. Raises StoreError."""
    return dict(_rows(engine, SET_ASIDE))


def is_attempt(engine: Engine, run_id: str) -> bool:
    """Return whether the run is the latest one for some wanted day. Raises StoreError."""
    ((known,),) = _rows(engine, IS_ATTEMPT, run_id=run_id)
    return bool(known)


def _rows(engine: Engine, query: TextClause, **values: object) -> list[tuple[Any, ...]]:
    with store_errors("wanted days"), engine.connect() as connection:
        return [tuple(row) for row in connection.execute(query, values)]
