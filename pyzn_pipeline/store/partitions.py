"""Partitions of `pyzn.project_days`: creates one before a day is loaded, and finds those of a range of days."""

from datetime import date, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, Engine, text

from pyzn_pipeline.errors import PyznError
from pyzn_pipeline.store.database import statement


class Partition(NamedTuple):
    """A partition of `pyzn.project_days`, in the schema `pyzn`: the days [first, following)."""

    name: str
    first: date
    following: date


class RetiredDay(PyznError):
    """The day's month was retired: its downloads are in the totals and would be counted twice."""

    transient = False


def ensure_partition(engine: Engine, day: date) -> None:
    """Create a partition for `day` if there is none. Raises RetiredDay if it was dropped.

    Each new day gets its own partition, because it then fills a new index from end to end. In a month's
    index it would change every page and write it to the log. packing.py later joins days to months.

    The partition is created as a separate table and then attached, so readers are not blocked (CREATE TABLE …
    PARTITION OF would block them). This is a separate transaction: the parent is not locked while the day
    loads, and readers plan with the partition before it has rows.
    """
    following = day + timedelta(days=1)
    with engine.begin() as connection:
        ensure_not_retired(connection, day)
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('pyzn.partitions'))"))
        if not partitions(connection, day, following):
            child = f"pyzn.project_days_{day:%Y_%m_%d}"
            connection.execute(text(f"CREATE TABLE {child} (LIKE pyzn.project_days INCLUDING ALL)"))
            bounds = f"FOR VALUES FROM ('{day}') TO ('{following}')"
            connection.execute(text(f"ALTER TABLE pyzn.project_days ATTACH PARTITION {child} {bounds}"))


def partitions(connection: Connection, first: date, following: date) -> list[Partition]:
    """The partitions with any day of [first, following), oldest first."""
    found = connection.execute(statement("partitions"), {"first": first, "following": following})
    return [Partition(*row) for row in found]


def following_month(month: date) -> date:
    """The first day of the month after the one that begins on `month`."""
    return (month + timedelta(days=31)).replace(day=1)


def ensure_not_retired(connection: Connection, day: date) -> None:
    """Raise RetiredDay if retention has dropped the rows of the day's month."""
    query = text("SELECT retired_at FROM pyzn.retired_months WHERE month = date_trunc('month', CAST(:day AS date))")
    retired_at = connection.execute(query, {"day": day}).scalar_one_or_none()
    if retired_at is not None:
        raise RetiredDay(
            f"day {day}: {day:%B %Y} was retired on {retired_at:%Y-%m-%d} (PYZN_RETENTION_DAYS); its downloads are in "
            "the totals, and would be counted twice"
        )
