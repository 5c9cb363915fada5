"""Days published in the store as a run does it, and the tables read back and changed."""

import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Engine, text

from pyzn_pipeline.breakdowns import BREAKDOWNS, Breakdown
from pyzn_pipeline.reading.day import DayReading, publish_scan
from pyzn_pipeline.source.scan import Scan
from pyzn_pipeline.store import ledger
from pyzn_pipeline.store.errors import store_errors
from pyzn_pipeline.store.locks import days_locked
from pyzn_pipeline.store.partitions import ensure_partition
from tests.days import Download, scan_of


def publish(
    store: Engine,
    day: date,
    downloads: Iterable[Download],
    *,
    accept_worse: bool = False,
    files: bool = True,
    breakdowns: tuple[Breakdown, ...] = BREAKDOWNS,
) -> DayReading:
    """Publish a day that has these downloads at the source."""
    return receive(store, scan_of(day, downloads, files=files, breakdowns=breakdowns), accept_worse)


def receive(store: Engine, scanned: Scan, accept_worse: bool = False) -> DayReading:
    """Publish a scan, with the steps that ingest_day takes once it has one."""
    with store_errors(f"day {scanned.day}"):
        ensure_partition(store, scanned.day)
        with days_locked(store, scanned.day, scanned.day) as connection:
            return publish_scan(connection, scanned, datetime.now(UTC), "run-1", {}, accept_worse)


def rows(store: Engine, query: str, **values: Any) -> list[tuple[Any, ...]]:
    """Return the rows of a query."""
    with store.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query), values)]


def change(store: Engine, statement: str, **values: Any) -> None:
    """Change the tables past PyZn."""
    with store.begin() as connection:
        connection.execute(text(statement), values)


def held(store: Engine, day: date) -> dict[str, Any]:
    """Return the ledger's row of a day."""
    (row,) = ledger.days(store, day, day)
    return row


def totals(store: Engine) -> dict[str, int]:
    """Return the all-time total of each project."""
    return dict(rows(store, "SELECT project, total_downloads FROM pyzn.projects"))


def everything(store: Engine) -> list[list[tuple[Any, ...]]]:
    """Return all rows of the tables that a publication changes."""
    tables = ("days", "day_breakdowns", "projects", "project_days")
    return [rows(store, f"SELECT row::text FROM pyzn.{table} AS row ORDER BY row::text") for table in tables]


@contextmanager
def unchanged(store: Engine) -> Iterator[None]:
    """Assert that the block leaves these tables as they were."""
    before = everything(store)
    yield
    assert everything(store) == before


def ranked(store: Engine, period: str, day: date = date(2026, 7, 14)) -> list[tuple[Any, ...]]:
    """Return a ranking, first place first."""
    query = "SELECT rank, project, downloads, change FROM pyzn.top_projects WHERE day = :day AND period = :period"
    return rows(store, f"{query} ORDER BY rank", day=day, period=period)


@contextmanager
def seen_meanwhile(store: Engine, query: str) -> Iterator[set[tuple[Any, ...]]]:
    """Read again and again while the block runs; its end has all rows that were read."""
    seen: set[tuple[Any, ...]] = set()
    done = threading.Event()

    def read() -> None:
        with store.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            while not done.is_set():
                seen.update(tuple(row) for row in connection.execute(text(query)))

    with ThreadPoolExecutor(1) as threads:
        reader = threads.submit(read)
        try:
            yield seen
        finally:
            done.set()
        reader.result()
