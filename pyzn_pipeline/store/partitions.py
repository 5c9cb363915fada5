"""Partitions of the packed tables: made before a day loads, found, and dropped with their month."""

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
    """The day's month was retired: its downloads are in the totals and cannot be counted a second time."""

    transient = False


def ensure_partitions(engine: Engine, day: date) -> None:
    """A partition for `day` in every packed table, its own unless one has it. Raises RetiredDay if it was dropped.

    A new day's rows then fill an index of their own from end to end, where in a month's index they
    would touch, and write to the log, every page. packing.py makes months of days.

    Made beside the table and then attached, so that readers are not blocked (CREATE TABLE …
    PARTITION OF would lock them out); in a transaction of its own, so that no lock on the parent
    is held while a day loads, and no reader has planned without the partition that it then misses.
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
