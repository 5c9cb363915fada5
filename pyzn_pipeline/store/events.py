"""The table `pyzn.events`: the built-in events of the source and the operator's own."""

import json
from datetime import date
from typing import Any

from sqlalchemy import Connection, text

from pyzn_pipeline.errors import PyznError
from pyzn_pipeline.events import built_in
from pyzn_pipeline.store.database import statement


def write_built_in(connection: Connection) -> None:
    """Bring the built-in events up to date with this PyZn; the operator's own stay."""
    events = json.dumps([event._asdict() for event in built_in()], default=str)
    connection.execute(statement("write_events"), {"events": events})


def events(connection: Connection, first: date, last: date) -> list[dict[str, Any]]:
    """Return the events that touch the days from `first` to `last`: rows of events.sql."""
    return [dict(row) for row in connection.execute(statement("events"), {"first": first, "last": last}).mappings()]


def add(connection: Connection, **event: Any) -> str:
    """Add an event of the operator's own, with the columns of add_event.sql. Returns its id."""
    added: str = connection.execute(statement("add_event"), event).scalar_one()
    return added


def withdraw(connection: Connection, event: str) -> None:
    """Delete an event of the operator's own. Raises PyznError."""
    deleted = connection.execute(text("DELETE FROM pyzn.events WHERE own AND id = :id"), {"id": event})
    if not deleted.rowcount:
        raise PyznError(f"{event}: no event of yours has this id: pyzn event list shows them")
