"""Days in trouble, as the ledger knows them."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Engine, text

from pyzn_pipeline.store.database import statement
from pyzn_pipeline.store.errors import store_errors


@dataclass(frozen=True)
class Tried:
    """A UTC day tried since it was last published, see trouble.sql."""

    day: date
    attempts: int
    run_id: str
    reason: str | None
    next_attempt_at: datetime | None
    failed: bool
    given_up: bool


def days_tried(engine: Engine) -> list[Tried]:
    """The days that were tried since they were last published, in order. Raises StoreError."""
    with store_errors("days tried"), engine.connect() as connection:
        return [Tried(**row) for row in connection.execute(statement("trouble")).mappings()]


def is_attempt(engine: Engine, run_id: str) -> bool:
    """Whether the run is the last to have been asked for some unpublished day. Raises StoreError."""
    query = text("SELECT EXISTS (SELECT FROM pyzn.attempts WHERE run_id = :run_id)")
    with store_errors(f"run {run_id}"), engine.connect() as connection:
        known: bool = connection.execute(query, {"run_id": run_id}).scalar_one()
    return known
