"""Proves published days: compares the ledger with the tables and with the source. Changes nothing."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import pandas as pd
from sqlalchemy import Engine

from pyzn_pipeline.reading.tally import Tally
from pyzn_pipeline.source.connection import Clients
from pyzn_pipeline.source.scan import scan
from pyzn_pipeline.store.database import statement
from pyzn_pipeline.store.errors import store_errors

IN_TABLES = {
    "downloads": "downloads", "pip_downloads": "pip_downloads", "ci_downloads": "ci_downloads", "projects": "projects",
    "project_versions": "project_versions", "project_countries": "project_countries", "checksum": "checksum",
    "country_downloads": "downloads",
}  # fmt: skip
"""Each count of the tables with the ledger's column that must equal it."""


@dataclass(frozen=True)
class Proof:
    """One day of the ledger, and every difference from it. Without differences the day is proven."""

    day: date
    downloads: int
    revision: int
    differences: list[str]


def verify(
    rows: pd.DataFrame, source: dict[date, int], engine: Engine, clients: Clients | None, table: str, limit: int
) -> Iterator[Proof]:
    """A proof for each published day in `rows` (from ledger.days), in order.

    `source` has the source's current count of each day. With `clients`, each day is also re-read in full and its
    content compared; `limit` is the bytes that one such scan may bill.
    Raises SourceError, CostLimitExceeded or StoreError.
    """
    for row in rows.to_dict("records"):
        day: date = row["day"]
        with store_errors(f"day {day}"), engine.connect() as connection:
            held = connection.execute(statement("day_in_tables"), {"day": day}).one()._mapping
        differences = [
            f"{name.replace('_', ' ')}: the tables have {_told(held[name])}, the ledger says {_told(row[column])}"
            for name, column in IN_TABLES.items()
            if held[name] != row[column]
        ]
        if source[day] != row["source_downloads"]:
            differences.append(
                f"downloads: the source counts {source[day]:,} now, {row['source_downloads']:,} when the day was read"
            )
        if clients is not None:
            with store_errors(f"day {day}"):
                checksum = _checksum_at_source(clients, table, day, limit)
            if checksum != row["checksum"]:
                differences.append(f"checksum: the source gives {checksum} now, the ledger says {row['checksum']}")
        yield Proof(day, row["downloads"], row["revision"], differences)


def _checksum_at_source(clients: Clients, table: str, day: date, limit: int) -> str:
    """The checksum that the day would have if it were published from the current source."""
    with Tally() as tally:
        for batch in scan(clients, table, day, limit).batches:
            tally.add(batch)
        return tally.checksum


def _told(value: Any) -> str:
    return value if isinstance(value, str) else f"{value:,}"
