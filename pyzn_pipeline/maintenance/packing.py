"""Packing: joins the partitions of a month's settled days into one partition in project order.

The days of a project are then next to each other on disk: a year of it takes a few pages, not one page a day.
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
from pyzn_pipeline.errors import PyznError
from pyzn_pipeline.store.errors import store_errors
from pyzn_pipeline.store.locks import days_locked
from pyzn_pipeline.store.partitions import Partition, following_month, partitions

WORTH_IT = 7  # partitions; fewer are not worth rewriting the month
LOCK_TIMEOUT = "50ms"  # how long new readers may have to wait while the swap waits for an older reader
TIMEOUT_SECONDS = 30 * 60  # a publication holds the table for a minute or two
CHUNK = 2**20  # bytes
PARENT = sql.Identifier("pyzn", "project_days")


class PackingFailed(PyznError):
    """Months could not be packed; they are as they were. The message has the reason of each."""


class PackedMonth(NamedTuple):
    """The days [first, following), joined from `partitions` partitions."""

    first: date
    following: date
    partitions: int


def pack_settled(engine: Engine, today: date, tablespace: str = "") -> Iterator[PackedMonth]:
    """Pack every month that has at least WORTH_IT partitions of settled days, or is over and has more than one.

    Yields each result as soon as it is done. Each is one transaction; meanwhile a reading of one of its
    days waits. A month that cannot be packed does not stop the others: raises PackingFailed after them, or StoreError.
    """
    failures: list[str] = []
    with store_errors("packing"), engine.connect() as connection:
        # Without the day that settles today: its last recount is still to come.
        settled = partitions(connection, date.min, today - timedelta(days=calendar.SETTLED_AFTER))
    for month, group in groupby(settled, key=lambda partition: partition.first.replace(day=1)):
        parts = list(group)
        over = parts[-1].following == following_month(month)
        if len(parts) >= WORTH_IT or (over and len(parts) > 1):
            try:
                with store_errors(f"packing of {month:%B %Y}"):
                    pack(engine, month, parts[-1].following, tablespace)
            except PyznError as error:
                failures.append(str(error))
            else:
                yield PackedMonth(month, parts[-1].following, len(parts))
    if failures:
        raise PackingFailed("; ".join(failures))


def pack(engine: Engine, first: date, following: date, tablespace: str = "") -> None:
    """Rewrite the partitions of the days [first, following) as one, in project order, with its index in `tablespace`.

    Makes a copy while the days are locked, so no publication of them is lost, and swaps it in within one
    transaction. Readers wait only for the swap, and at most LOCK_TIMEOUT before it begins. Costs a sort
    of the days' rows. Raises PackingFailed, if others keep reading or publishing.
    """
    last = following - timedelta(days=1)
    copy = sql.Identifier("pyzn", f"project_days_{first:%Y_%m_%d}_to_{last:%Y_%m_%d}")
    days = sql.SQL("day >= {} AND day < {}").format(sql.Literal(first), sql.Literal(following))
    with days_locked(engine, first, last) as connection, connection.begin():
        parts = partitions(connection, first, following)
        driver = cast("psycopg.Connection", connection.connection.driver_connection)
        driver.execute("SELECT set_config('default_tablespace', %s, true)", [tablespace])
        # With the CHECK of the days, attaching the table does not have to scan its rows.
        driver.execute(
            sql.SQL("CREATE TABLE {} (LIKE {} INCLUDING CONSTRAINTS, CHECK ({}))").format(copy, PARENT, days)
        )
        _copy_in_project_order(engine, driver, copy, days)
        driver.execute("SET LOCAL maintenance_work_mem = '256MB'; SET LOCAL max_parallel_maintenance_workers = 0")
        driver.execute(sql.SQL("ALTER TABLE {} ADD PRIMARY KEY (project, day)").format(copy))
        driver.execute(sql.SQL("ANALYZE {}").format(copy))
        _swap(driver, copy, parts, (first, following))


def _copy_in_project_order(engine: Engine, into: psycopg.Connection, copy: sql.Identifier, days: sql.Composed) -> None:
    """Copy the rows through this process, because only COPY can FREEZE them: every snapshot sees frozen rows.

    With INSERT, a transaction that began before the swap would see neither the old rows nor the new ones.
    Frozen rows also need no later writes: no hint bits, no vacuum.
    """
    query = sql.SQL("COPY (SELECT * FROM {} WHERE {} ORDER BY project, day) TO STDOUT WITH (FORMAT BINARY)")
    with engine.connect() as reading:
        driver = cast("psycopg.Connection", reading.connection.driver_connection)
        driver.execute("SET work_mem = '128MB'; SET max_parallel_workers_per_gather = 0")
        with (
            driver.cursor().copy(query.format(PARENT, days)) as rows,
            into.cursor().copy(sql.SQL("COPY {} FROM STDIN WITH (FORMAT BINARY, FREEZE)").format(copy)) as written,
        ):
            chunk = bytearray()
            for row in rows:
                if not chunk:  # so the first row, which waits for the sort, is not counted
                    began = time.monotonic()
                chunk += row
                if len(chunk) >= CHUNK:
                    written.write(bytes(chunk))
                    chunk.clear()
                    time.sleep(time.monotonic() - began)  # at half speed: readers need the machine more
            written.write(bytes(chunk))


def _swap(
    driver: psycopg.Connection,
    copy: sql.Identifier,
    parts: list[Partition],
    days: tuple[date, date],
) -> None:
    names = [sql.Identifier("pyzn", part.name) for part in parts]
    bounds = sql.SQL("FROM ({}) TO ({})").format(*map(sql.Literal, days))
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while True:
        try:
            with driver.transaction():
                driver.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(sql.Literal(LOCK_TIMEOUT)))
                # A day that looks for its partition would see neither the old ones nor the new one.
                driver.execute("SELECT pg_advisory_xact_lock(hashtext('pyzn.partitions'))")
                driver.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(PARENT))
                for name in names:
                    driver.execute(sql.SQL("ALTER TABLE {} DETACH PARTITION {}").format(PARENT, name))
                driver.execute(sql.SQL("ALTER TABLE {} ATTACH PARTITION {} FOR VALUES {}").format(PARENT, copy, bounds))
                driver.execute(sql.SQL("DROP TABLE {}").format(sql.SQL(", ").join(names)))
        except psycopg.errors.LockNotAvailable as error:
            if time.monotonic() > deadline:
                raise PackingFailed(
                    f"{parts[0].name} to {parts[-1].name} have been in use without a pause for "
                    f"{TIMEOUT_SECONDS // 60} minutes, perhaps by a long transaction (see pg_stat_activity); not "
                    "packed, the next run tries again"
                ) from error
            time.sleep(1)
        else:
            return
