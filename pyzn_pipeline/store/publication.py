"""Publication: the staged day in place of the published one, in one transaction, or nothing at all."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from importlib.resources import files
from string import Template
from typing import Any

from sqlalchemy import Connection, Engine, TextClause, text

from pyzn_pipeline.breakdowns import BREAKDOWNS, Breakdown
from pyzn_pipeline.errors import PyznError
from pyzn_pipeline.store.database import statement

SETTLED_AFTER = 7  # days; late rows arrive within a week


@dataclass(frozen=True)
class Publication:
    """What became of a day: its ledger row's revision and status, and whether its content changed."""

    day: date
    revision: int
    status: str
    changed: bool


class RetiredDay(PyznError):
    """The day's month was retired: its downloads are in the totals and cannot be counted a second time."""

    passes = False


@contextmanager
def day_locked(engine: Engine, day: date) -> Iterator[Connection]:
    """A connection that alone may work on `day`, in whichever process; others wait their turn.

    The lock covers the scan as well as the publication, so an older reading cannot replace a newer
    one. It belongs to the session and ends with it, however this process ends.
    """
    with engine.connect() as connection:
        connection.execute(
            text("SELECT pg_advisory_lock(hashtext('pyzn.day'), :day - date '2000-01-01')"), {"day": day}
        )
        connection.commit()
        yield connection


def publish(connection: Connection, ledger: dict[str, Any], profile: dict[str, str], suspect: bool) -> Publication:
    """Put the staged day in place of the published one, inside the caller's transaction.

    `ledger` has the columns of write_ledger_row.sql but status and checksum, `profile` those of
    write_profile.sql. A new content is `provisional`, or `suspect`; it is `final` once it was read or
    counted again SETTLED_AFTER days after the day and was the same. A day that is staged as it is
    published already only gets its time of re-count.
    """
    day: date = ledger["day"]
    settled = (datetime.now(UTC).date() - day).days >= SETTLED_AFTER
    checksum = connection.execute(statement("checksum_staged")).scalar_one()
    connection.execute(text("DELETE FROM pyzn.attempts WHERE day = :day"), {"day": day})
    found = {"day": day, "checksum": checksum, "suspect": suspect, "settled": settled}
    if unchanged := connection.execute(statement("recount_unchanged"), found).one_or_none():
        return Publication(day, unchanged.revision, unchanged.status, changed=False)

    # All days touch the totals of the same projects; one at a time, or two would deadlock.
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('pyzn.totals'))"))
    _ensure_not_retired(connection, day)  # again: retirement takes this lock too
    connection.execute(statement("add_difference_to_totals"), {"day": day})
    for breakdown in BREAKDOWNS:
        connection.execute(_packed("delete_rows", breakdown), {"day": day})
        connection.execute(_packed("insert_rows", breakdown), {"day": day})
    status = "suspect" if suspect else "provisional"
    mark = {"checksum": checksum, "status": status}
    revision = connection.execute(statement("write_ledger_row"), ledger | mark).scalar_one()
    connection.execute(statement("write_profile"), {"day": day} | profile)
    return Publication(day, revision, status, changed=True)


def ensure_partitions(engine: Engine, day: date) -> None:
    """The month's partition of every packed table. Raises RetiredDay if it was dropped for good.

    Made beside the table and then attached, so that readers are not blocked (CREATE TABLE …
    PARTITION OF would lock them out); in a transaction of its own, so that no lock on the parent
    is held while a day loads.
    """
    first = day.replace(day=1)
    following = (first + timedelta(days=31)).replace(day=1)
    with engine.begin() as connection:
        _ensure_not_retired(connection, day)
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('pyzn.partitions'))"))
        for breakdown in BREAKDOWNS:
            parent, child = f"pyzn.{breakdown.table}", f"pyzn.{breakdown.table}_{first:%Y_%m}"
            if connection.execute(text("SELECT to_regclass(:child)"), {"child": child}).scalar_one() is None:
                connection.execute(text(f"CREATE TABLE {child} (LIKE {parent} INCLUDING ALL)"))
                connection.execute(
                    text(
                        f"ALTER TABLE {parent} ATTACH PARTITION {child} FOR VALUES FROM ('{first}') TO ('{following}')"
                    )
                )


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
    columns = [f"{count}_{kind}" for count in breakdown.counts for kind in ("downloads", "counts")]
    values = [f"{column}::json" if column.endswith("_counts") else column for column in columns]
    return text(
        Template(files(__package__).joinpath(f"{name}.sql").read_text(encoding="utf-8")).substitute(
            table=breakdown.table,
            name=breakdown.name,
            columns="".join(f", {column}" for column in columns),
            values="".join(f", {value}" for value in values),
        )
    )
