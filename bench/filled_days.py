"""Many days of the same content in a database, from which the API answers."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
from sqlalchemy import text

from bench.database import Database
from bench.one_day import publish
from bench.synthetic_day import PROJECTS
from pyzn_pipeline.breakdowns import Contents
from pyzn_pipeline.store.partitions import ensure_partition

TODAY = datetime.now(UTC).date()
YESTERDAY = TODAY - timedelta(days=1)  # the last day that can be published, which `serving` does under load
LAST = YESTERDAY - timedelta(days=1)
LEAST_PROJECTS, MOST_PROJECTS = 500, 10_000  # with a year of days, the most need a few minutes and GiB


def publish_and_fill(own: Database, size: float, days: int, folder: Path) -> int:
    """Publish LAST, give its content to the days before it, so many in all, and return the number of projects."""
    projects = max(LEAST_PROJECTS, round(MOST_PROJECTS * min(size, 1)))
    publish(own.owner_url, LAST, projects / PROJECTS, folder)
    fill(own, range(1, days))
    return projects


def fill(own: Database, ages: range) -> None:
    """Give the days of these ages before LAST its content, each in its own partition, as after a publication."""
    columns = ", ".join(Contents().columns)
    rows = (
        f"INSERT INTO pyzn.project_days (day, {columns}) "
        f"SELECT :day, {columns} FROM pyzn.project_days WHERE day = :like ORDER BY project"
    )
    ledger = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    for age in ages:
        day = LAST - timedelta(days=age)
        ensure_partition(own.store, day)
        with own.store.begin() as connection:
            for statement in (rows, ledger):
                connection.execute(text(statement), {"day": day, "like": LAST})
    with psycopg.connect(own.owner_url, autocommit=True) as driver:
        driver.execute("VACUUM ANALYZE pyzn.project_days, pyzn.projects, pyzn.days")
