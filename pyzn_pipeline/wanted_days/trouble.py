"""Reads what is wrong from the ledger: days that failed or wait, and backfills that failed."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Engine, text

from pyzn_pipeline.store.database import statement
from pyzn_pipeline.store.errors import store_errors


@dataclass(frozen=True)
class WantedDay:
    """A wanted UTC day that was tried and is not read yet, see trouble.sql."""

    day: date
    attempts: int
    run_id: str | None
    reason: str | None
    next_attempt_at: datetime | None
    failed: bool
    given_up: bool


@dataclass(frozen=True)
class WaitingDays:
    """The wanted days that wait or are being read, in order; and since when no day has been read."""

    days: list[date]
    idle_since: datetime | None


@dataclass(frozen=True)
class FailedBackfill:
    """A backfill that Dagster ended early: the reason, and those of its days that are still wanted."""

    id: str
    failure: str
    days: list[date]


def days_tried(engine: Engine) -> list[WantedDay]:
    """The wanted days that were tried and are not read yet, in order. Raises StoreError."""
    with store_errors("days tried"), engine.connect() as connection:
        return [WantedDay(**row) for row in connection.execute(statement("trouble", __file__)).mappings()]


def waiting(engine: Engine) -> WaitingDays:
    """The days that wait for their run or are being read. Raises StoreError."""
    query = text(
        "SELECT array_agg(day ORDER BY day), greatest(min(asked_at), (SELECT max(read_at) FROM pyzn.days)) "
        "FROM pyzn.wanted_days WHERE state = 'waiting'"
    )
    with store_errors("days asked for"), engine.connect() as connection:
        days, idle_since = connection.execute(query).one()
    return WaitingDays(days or [], idle_since if days else None)


def failed_backfills(engine: Engine) -> list[FailedBackfill]:
    """The failed backfills that still have wanted days, newest first. Raises StoreError."""
    with store_errors("backfills"), engine.connect() as connection:
        return [FailedBackfill(**row) for row in connection.execute(statement("failed_backfills", __file__)).mappings()]


def set_aside(engine: Engine) -> dict[str, str]:
    """Return why days of the requests of the last 24 hours are set aside, by request, in order. Raises StoreError."""
    query = text(
        "SELECT id, set_aside FROM pyzn.requests "
        "WHERE set_aside IS NOT NULL AND asked_at > now() - interval '24 hours' ORDER BY asked_at, id"
    )
    with store_errors("requests"), engine.connect() as connection:
        return {row.id: row.set_aside for row in connection.execute(query)}


def is_attempt(engine: Engine, run_id: str) -> bool:
    """Whether the run is the latest one for some wanted day. Raises StoreError."""
    query = text("SELECT EXISTS (SELECT FROM pyzn.wanted WHERE run_id = :run_id)")
    with store_errors(f"run {run_id}"), engine.connect() as connection:
        known: bool = connection.execute(query, {"run_id": run_id}).scalar_one()
    return known
