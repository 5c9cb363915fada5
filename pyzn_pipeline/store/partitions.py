"""Partitions of the packed tables: creates one before a day is loaded, and finds those of a range of days."""

from datetime import date, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, Engine, text

from pyzn_pipeline.breakdowns import BREAKDOWNS, Breakdown
from pyzn_pipeline.errors import PyznError
from pyzn_pipeline.store.database import statement


class Partition(NamedTuple):
    """A partition of a packed table, in the schema `pyzn`: the days [first, following)."""

    name: str
    first: date
    following: date


class RetiredDay(PyznError):
    """The day's month was retired: its downloads are in the totals and would be counted twice."""

    transient = False


def ensure_partitions(engine: Engine, day: date) -> None:
    """Create a partition for `day` in every packed table that has none. Raises RetiredDay if it was dropped.

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
        for breakdown in BREAKDOWNS:
            parent, child = f"pyzn.{breakdown.table}", f"pyzn.{breakdown.table}_{day:%Y_%m_%d}"
            if not partitions(connection, breakdown, day, following):
                connection.execute(text(f"CREATE TABLE {child} (LIKE {parent} INCLUDING ALL)"))
                connection.execute(
                    text(f"ALTER TABLE {parent} ATTACH PARTITION {child} FOR VALUES FROM ('{day}') TO ('{following}')")
                )


def partitions(connection: Connection, breakdown: Breakdown, first: date, following: date) -> list[Partition]:
    """The partitions of a packed table with any day of [first, following), oldest first."""
    found = {"table": breakdown.table, "first": first, "following": following}
    return [Partition(*row) for row in connection.execute(statement("partitions"), found)]


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
