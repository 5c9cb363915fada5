"""Staging: loads a scan's Arrow batches into Postgres, where only this transaction can see them."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import cast

import psycopg
import pyarrow as pa
import pyarrow.compute as pc
from psycopg import sql
from sqlalchemy import Connection

from pyzn_pipeline.breakdowns import Contents
from pyzn_pipeline.store import binary_copy
from pyzn_pipeline.store.database import statement

AT_ONCE = 16 * 2**20  # bytes of rows


def stage(
    connection: Connection,
    day: date,
    batches: Iterable[pa.RecordBatch],
    contents: Contents,
    count: Callable[[pa.RecordBatch], None],
    beside: bool,
) -> None:
    """Stream the `contents` of `day` by binary COPY, and call `count` with each batch, in another thread.

    They go directly into `pyzn.project_days`, or, if `beside`, into the temporary table `staged`, which is dropped
    with the transaction. Memory holds a few times AT_ONCE. Rows in project order (as scan_day.sql returns them) load
    fastest; any order is correct.
    """
    table = sql.Identifier("pg_temp", "staged") if beside else sql.Identifier("pyzn", "project_days")
    if beside:
        connection.execute(statement("create_staging"))
    columns = sql.SQL(", ").join(map(sql.Identifier, [*contents.columns, "day"]))
    driver = cast("psycopg.Connection", connection.connection.driver_connection)
    with (
        ThreadPoolExecutor(1) as thread,
        driver.cursor().copy(sql.SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(table, columns)) as copy,
    ):
        copy.write(binary_copy.HEADER)
        for batch in _joined(batches):
            counting = thread.submit(count, batch)
            rows = batch.filter(pc.is_valid(batch["project"])).select(contents.columns)
            days = pa.repeat(pa.scalar(day, pa.date32()), rows.num_rows)
            copy.write(binary_copy.encode(rows.append_column("day", days)))
            counting.result()
        copy.write(binary_copy.TRAILER)


def _joined(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The same rows in fewer batches: counting has a cost for each, and took a quarter longer."""
    waiting: list[pa.RecordBatch] = []
    size = 0
    for batch in batches:
        waiting.append(batch)
        size += batch.nbytes
        if size >= AT_ONCE:
            yield pa.concat_batches(waiting)
            waiting, size = [], 0
    if waiting:
        yield pa.concat_batches(waiting)
