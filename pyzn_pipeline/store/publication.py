"""Publication: the staged day in place of the published one, in one transaction, or nothing at all."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from importlib.resources import files
from string import Template
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, TextClause, text

from pyzn_pipeline import calendar
from pyzn_pipeline.breakdowns import BREAKDOWNS, Breakdown
from pyzn_pipeline.errors import PyznError
from pyzn_pipeline.store.database import statement


@dataclass(frozen=True)
class Publication:
    """What became of a day: its ledger row's revision and status, and whether its content changed."""

    day: date
    revision: int
    status: str
    changed: bool


class Partition(NamedTuple):
    """A partition of a packed table, in the schema `pyzn`: the days [first, following)."""

    name: str
    first: date
    following: date


class RetiredDay(PyznError):
    """The day's month was retired: its downloads are in the totals and cannot be counted a second time."""

    passes = False


@contextmanager
def day_locked(engine: Engine, day: date) -> Iterator[Connection]:
    """A connection that alone may work on `day`, in whichever process; others wait their turn.

    The lock covers the scan as well as the publication, so an older reading cannot replace a newer
    one. It belongs to the session and ends with it, however this process ends.
    """
    with days_locked(engine, day, day + timedelta(days=1)) as connection:
        yield connection


@contextmanager
def days_locked(engine: Engine, first: date, following: date) -> Iterator[Connection]:
    """As day_locked, for all the days of [first, following)."""
    with engine.connect() as connection:
        connection.execute(statement("lock_days"), {"first": first, "following": following})
        connection.commit()
        yield connection


def is_published(connection: Connection, day: date) -> bool:
    """Whether `day` has a row in the ledger."""
    query = text("SELECT EXISTS (SELECT FROM pyzn.days WHERE day = :day)")
    return bool(connection.execute(query, {"day": day}).scalar_one())


def publish(
    connection: Connection, ledger: dict[str, Any], profile: dict[str, str], suspect: bool, again: bool
) -> Publication:
    """Publish the staged day, inside the caller's transaction; if it is published, `again`, in its place.

    `ledger` has the columns of write_ledger_row.sql but status, `profile` those of
    write_profile.sql. A new content is `provisional`, or `suspect`; it is `final` once it was re-read
    or re-counted after it had settled (calendar.py) and was the same. A re-read that
    staged the day as it is published already only keeps when the source last counted it.
    """
    day: date = ledger["day"]
    settled = calendar.settled(day, datetime.now(UTC))
    # Who asked after this reading began is served by the next one.
    served = {"day": day, "read_at": ledger["read_at"]}
    connection.execute(text("DELETE FROM pyzn.wanted WHERE day = :day AND asked_at <= :read_at"), served)
    found = served | {"checksum": ledger["checksum"], "suspect": suspect, "settled": settled}
    if unchanged := connection.execute(statement("reread_unchanged"), found).one_or_none():
        return Publication(day, unchanged.revision, unchanged.status, changed=False)

    # All days touch the totals of the same projects; one at a time, or two would deadlock.
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('pyzn.totals'))"))
    _ensure_not_retired(connection, day)  # again: retirement takes this lock too
    # Most of a day's projects are known: hashing all totals in memory is far cheaper than looking each one up.
    connection.execute(text("SET LOCAL work_mem = '128MB'; SET LOCAL enable_nestloop = off; SET LOCAL jit = off"))
    if again:
        connection.execute(statement("add_difference_to_totals"), {"day": day})
        for breakdown in BREAKDOWNS:
            connection.execute(_packed("delete_rows", breakdown), {"day": day})
            connection.execute(_packed("insert_rows", breakdown))
    else:
        connection.execute(statement("add_to_totals"), {"day": day})
    status = "suspect" if suspect else "provisional"
    revision = connection.execute(statement("write_ledger_row"), ledger | {"status": status}).scalar_one()
    connection.execute(statement("write_profile"), {"day": day} | profile)
    return Publication(day, revision, status, changed=True)


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
        _ensure_not_retired(connection, day)
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


def _ensure_not_retired(connection: Connection, day: date) -> None:
    query = text("SELECT retired_at FROM pyzn.retired_months WHERE month = date_trunc('month', CAST(:day AS date))")
    retired_at = connection.execute(query, {"day": day}).scalar_one_or_none()
    if retired_at is not None:
        raise RetiredDay(
            f"day {day}: {day:%B %Y} was retired on {retired_at:%Y-%m-%d} (PYZN_RETENTION_DAYS); its downloads are in "
            "the totals, and would be counted twice"
        )


@cache
def _packed(name: str, breakdown: Breakdown) -> TextClause:
    """The SQL of `name`.sql for the packed table of a breakdown."""
    template = Template(files(__package__).joinpath(f"{name}.sql").read_text(encoding="utf-8"))
    return text(template.substitute(table=breakdown.table, name=breakdown.name))
