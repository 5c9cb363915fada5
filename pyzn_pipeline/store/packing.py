"""Packing: a month's settled days, each a partition of its own, become one partition in project order.

A project's days then lie together, so that a year of it is a few pages and not one for every day.
"""

import time
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import groupby
from typing import NamedTuple, cast

import psycopg
from psycopg import sql
from sqlalchemy import Engine

from pyzn_pipeline import calendar
from pyzn_pipeline.breakdowns import BREAKDOWNS, Breakdown
from pyzn_pipeline.errors import PyznError
from pyzn_pipeline.store.errors import store_errors
from pyzn_pipeline.store.locks import days_locked
from pyzn_pipeline.store.partitions import Partition, following_month, partitions

WORTH_IT = 7  # partitions; fewer days are not worth writing the month again
LOCK_TIMEOUT = "50ms"  # for which readers may queue behind the swap, while it waits for one of them
PATIENCE_SECONDS = 30 * 60  # a publication holds the table for a minute or two
CHUNK = 2**20  # bytes


class PackingBlocked(PyznError):
    """Somebody has been reading or publishing for too long; the days stay as they were."""


class Packed(NamedTuple):
    """The days [first, following) of one breakdown, which were `partitions` partitions."""

    breakdown: Breakdown
    first: date
    following: date
    partitions: int


def pack_settled(engine: Engine, today: date) -> Iterator[Packed]:
    """Pack every month that has WORTH_IT partitions of settled days, or is over and has more than one.

    Yields what was done as soon as it is done. Each is a transaction; a day that is read again
    meanwhile waits. Raises PackingBlocked or StoreError.
    """
    for breakdown in BREAKDOWNS:
        with store_errors(f"packing of {breakdown.table}"), engine.connect() as connection:
            # Not the day that settles today: its last re-count is still to come.
            settled = partitions(connection, breakdown, date.min, today - timedelta(days=calendar.SETTLED_AFTER))
        for month, group in groupby(settled, key=lambda partition: partition.first.replace(day=1)):
            parts = list(group)
            over = parts[-1].following == following_month(month)
            if len(parts) >= WORTH_IT or (over and len(parts) > 1):
                with store_errors(f"packing of {breakdown.table}, {month:%B %Y}"):
                    pack(engine, breakdown, month, parts[-1].following)
                yield Packed(breakdown, month, parts[-1].following, len(parts))


def pack(engine: Engine, breakdown: Breakdown, first: date, following: date) -> None:
    """Rewrite the partitions of the days [first, following) as one, in project order.

    The copy is made beside them, with the days locked so that no publication of them is lost, and put
    in their place in one transaction. Readers wait for the swap alone, LOCK_TIMEOUT at the most before
    it begins. Costs a sort of the days' rows. Raises PackingBlocked.
    """
    parent = sql.Identifier("pyzn", breakdown.table)
    copy = sql.Identifier("pyzn", f"{breakdown.table}_{first:%Y_%m_%d}_to_{following - timedelta(days=1):%Y_%m_%d}")
    days = sql.SQL("day >= {} AND day < {}").format(sql.Literal(first), sql.Literal(following))
    with days_locked(engine, first, following) as connection, connection.begin():
        parts = partitions(connection, breakdown, first, following)
        driver = cast("psycopg.Connection", connection.connection.driver_connection)
        # The check, so that attaching it needs no look at its rows.
        driver.execute(sql.SQL("CREATE TABLE {} (LIKE {}, CHECK ({}))").format(copy, parent, days))
        _copy_in_project_order(engine, driver, parent, copy, days)
        driver.execute("SET LOCAL maintenance_work_mem = '256MB'")
        driver.execute(sql.SQL("ALTER TABLE {} ADD PRIMARY KEY (project, day)").format(copy))
        driver.execute(sql.SQL("ANALYZE {}").format(copy))
        _swap(driver, parent, copy, parts, (first, following))


def _copy_in_project_order(
    engine: Engine, into: psycopg.Connection, parent: sql.Identifier, copy: sql.Identifier, days: sql.Composed
) -> None:
    """Through this process, because only COPY can FREEZE rows: every snapshot sees them, as it saw those they replace.

    Rows of an INSERT would be invisible to whoever began before the swap and looks after it. And frozen
    rows are never written again: no hint bits, no vacuum.
    """
    query = sql.SQL("COPY (SELECT * FROM {} WHERE {} ORDER BY project, day) TO STDOUT WITH (FORMAT BINARY)")
    with engine.connect() as reading:
        driver = cast("psycopg.Connection", reading.connection.driver_connection)
        driver.execute("SET work_mem = '128MB'")
        with (
            driver.cursor().copy(query.format(parent, days)) as rows,
            into.cursor().copy(sql.SQL("COPY {} FROM STDIN WITH (FORMAT BINARY, FREEZE)").format(copy)) as written,
        ):
            chunk = bytearray()
            for row in rows:
                chunk += row
                if len(chunk) >= CHUNK:
                    written.write(bytes(chunk))
                    chunk.clear()
            written.write(bytes(chunk))


def _swap(
    driver: psycopg.Connection,
    parent: sql.Identifier,
    copy: sql.Identifier,
    parts: list[Partition],
    days: tuple[date, date],
) -> None:
    names = [sql.Identifier("pyzn", part.name) for part in parts]
    bounds = sql.SQL("FROM ({}) TO ({})").format(*map(sql.Literal, days))
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            with driver.transaction():
                driver.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(sql.Literal(LOCK_TIMEOUT)))
                driver.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(parent))
                for name in names:
                    driver.execute(sql.SQL("ALTER TABLE {} DETACH PARTITION {}").format(parent, name))
                driver.execute(sql.SQL("ALTER TABLE {} ATTACH PARTITION {} FOR VALUES {}").format(parent, copy, bounds))
                driver.execute(sql.SQL("DROP TABLE {}").format(sql.SQL(", ").join(names)))
        except psycopg.errors.LockNotAvailable as error:
            if time.monotonic() > deadline:
                raise PackingBlocked(
                    f"{parts[0].name} to {parts[-1].name} have been in use without a pause for "
                    f"{PATIENCE_SECONDS // 60} minutes, by a long transaction perhaps (see pg_stat_activity); not "
                    "packed, tried again with the next run"
                ) from error
            time.sleep(1)
        else:
            return
