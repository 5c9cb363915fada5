"""Days put into the store as a run does, and the tables read back."""

from datetime import date
from typing import Any

from sqlalchemy import Engine, text

from pyzn_pipeline.reading.day import Ingested, publish_scan
from pyzn_pipeline.source.scan import Scan
from pyzn_pipeline.store.errors import store_errors
from pyzn_pipeline.store.locks import days_locked
from pyzn_pipeline.store.partitions import ensure_partition
from tests.days import Download, scan_of


def publish(store: Engine, scanned: Scan, accept_worse: bool = False) -> Ingested:
    """As ingest_day does once the scan is there."""
    with store_errors(f"day {scanned.day}"):
        ensure_partition(store, scanned.day)
        with days_locked(store, scanned.day, scanned.day) as connection:
            return publish_scan(connection, scanned, "run-1", {}, accept_worse)


def rows(store: Engine, query: str) -> list[tuple[Any, ...]]:
    """What `query` answers."""
    with store.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def totals(store: Engine) -> dict[str, int]:
    """Every known project's all-time total."""
    return dict(rows(store, "SELECT project, total_downloads FROM pyzn.projects"))


def put(store: Engine, day: date, **downloads: int) -> None:
    """Publish `day` with that many downloads of each project."""
    publish(store, scan_of(day, [Download(project) for project, count in downloads.items() for _ in range(count)]))


def everything(store: Engine) -> list[list[tuple[Any, ...]]]:
    """All the tables that a publication touches."""
    tables = ("days", "day_breakdowns", "projects", "project_days")
    return [rows(store, f"SELECT row::text FROM pyzn.{table} AS row ORDER BY row::text") for table in tables]


def ranked(store: Engine, period: str, day: date = date(2026, 7, 14)) -> list[tuple[Any, ...]]:
    """A ranking, first place first."""
    return rows(
        store,
        "SELECT rank, project, downloads, change FROM pyzn.top_projects "
        f"WHERE day = '{day}' AND period = '{period}' ORDER BY rank",
    )
