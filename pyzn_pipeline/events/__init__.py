"""The known events of the source, built in: events.toml, a reviewed list. `pyzn migrate` writes it to `pyzn.events`.

Only what is known of the table in BigQuery for everybody. An operator's own events are in `pyzn.events` alone.
"""

import tomllib
from datetime import date
from pathlib import Path
from typing import NamedTuple

KINDS = {
    "definition": "the rule of what is a row changed",
    "loss": "rows that are missing for good",
    "late": "rows that came days later",
    "names": "a name that is recorded from then on, and was NULL before",
    "column": "a column that is filled from then on",
}

COUNTS = ("downloads", "files", "pip", "ci", "without_mirrors")
"""The counts that an event can touch, by their names in v4; beside them the breakdowns, by theirs."""


class Event(NamedTuple):
    """An event of the source. Without a `last` day it is a change that stays, or its end is unknown."""

    id: str
    kind: str
    first: date
    touches: list[str]
    effect: str  # a sentence
    sources: list[str]
    last: date | None = None


def built_in() -> list[Event]:
    """Return the events of events.toml, in order of their first days."""
    found = tomllib.loads(Path(__file__).with_name("events.toml").read_text(encoding="utf-8"))
    return [Event(**each) for each in found["event"]]
