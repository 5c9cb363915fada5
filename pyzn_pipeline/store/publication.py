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
from pyzn_pipeline.store.database import statement

SETTLED_AFTER = 7  # days; a day read on D+7 or later is final, DESIGN: late rows arrive within a week


@dataclass(frozen=True)
class Publication:
    """What became of a day: its ledger row's revision and status, and whether its content changed."""

    day: date
    revision: int
    status: str
    changed: bool


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


def publish(connection: Connection, ledger: dict[str, Any], now: datetime) -> Publication:
    """Put the staged day in place of the published one, inside the caller's transaction.

    `ledger` has the columns of write_ledger_row.sql but status and checksum; `now` decides the status. A day that is
    staged as it is published already only gets its time of re-count.
    """
    day: date = ledger["day"]
    status = "final" if (now.astimezone(UTC).date() - day).days >= SETTLED_AFTER else "provisional"
    checksum = connection.execute(statement("checksum_staged")).scalar_one()
    mark = {"day": day, "checksum": checksum, "status": status}
    connection.execute(text("DELETE FROM pyzn.failures WHERE day = :day"), {"day": day})
    if unchanged := connection.execute(statement("recount_unchanged"), mark).one_or_none():
        return Publication(day, unchanged.revision, unchanged.status, changed=False)

    # All days touch the totals of the same projects; one at a time, or two would deadlock.
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('pyzn.totals'))"))
    connection.execute(statement("add_difference_to_totals"), {"day": day})
    for breakdown in BREAKDOWNS:
        connection.execute(_packed("delete_rows", breakdown), {"day": day})
        connection.execute(_packed("insert_rows", breakdown), {"day": day})
    revision = connection.execute(statement("write_ledger_row"), ledger | mark).scalar_one()
    return Publication(day, revision, status, changed=True)


def ensure_partitions(engine: Engine, day: date) -> None:
    """The month's partition of every packed table.

    Made beside the table and then attached, so that readers are not blocked (CREATE TABLE …
    PARTITION OF would lock them out); in a transaction of its own, so that no lock on the parent
    is held while a day loads.
    """
    first = day.replace(day=1)
    following = (first + timedelta(days=31)).replace(day=1)
    with engine.begin() as connection:
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
