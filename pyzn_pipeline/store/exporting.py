"""Reads published days for their export: which there are, a day's row of the ledger, and its rows as a stream."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any, NamedTuple, cast

import psycopg
import pyarrow as pa
from psycopg import sql
from pyarrow import csv
from sqlalchemy import Connection, Engine, text

from pyzn_pipeline.store.database import statement
from pyzn_pipeline.store.errors import store_errors

BLOCK = 8 * 2**20  # bytes of a batch; a day of all PyPI is about 40 of them


class Exportable(NamedTuple):
    """A published day, as exportable_days.sql says it."""

    day: date
    revision: int
    checksum: str
    status: str
    downloads: int
    source_recount: int
    recounted_at: Any
    retired: bool


def exportable_days(engine: Engine, first: date = date.min, last: date = date.max) -> list[Exportable]:
    """The published days from `first` to `last`, in order. Raises StoreError."""
    with store_errors("days to export"), engine.connect() as connection:
        return [
            Exportable(*row) for row in connection.execute(statement("exportable_days"), {"first": first, "last": last})
        ]


@contextmanager
def exporting(engine: Engine) -> Iterator[Connection]:
    """A connection that holds the lock of exports: others wait. It ends with the session."""
    with store_errors("export"), engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(hashtext('pyzn.export'))"))
        connection.commit()
        yield connection


@contextmanager
def snapshot_of(connection: Connection, day: date) -> Iterator[dict[str, Any] | None]:
    """The day's row as in exported_day.sql, or None. What is read of the day in the block is of the same moment."""
    with connection.begin():
        connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))
        row = connection.execute(statement("exported_day"), {"day": day}).mappings().one_or_none()
        yield dict(row) if row else None


def packed_rows(connection: Connection, day: date, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """The rows of `pyzn.project_days` of `day` with the columns of `schema`, in project order, in batches.

    COPY sends them as they are needed, so memory holds a batch. Costs a pass over the partition, which is a month
    once the day is packed, and a sort.
    """
    query = sql.SQL("COPY (SELECT {} FROM pyzn.project_days WHERE day = {} ORDER BY project) TO STDOUT (FORMAT csv)")
    columns = sql.SQL(", ").join(map(sql.Identifier, schema.names))
    driver = cast("psycopg.Connection", connection.connection.driver_connection)
    driver.execute("SET LOCAL work_mem = '128MB'")
    with driver.cursor().copy(query.format(columns, sql.Literal(day))) as copy:
        for block in _blocks(copy):
            # Quoted text may have line ends; unquoted, an empty field is NULL.
            rows = csv.read_csv(
                pa.BufferReader(block),
                csv.ReadOptions(column_names=schema.names, block_size=len(block)),
                csv.ParseOptions(newlines_in_values=True),
                csv.ConvertOptions(
                    column_types=schema, null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=False
                ),
            )
            yield from rows.cast(schema).to_batches()


def _blocks(copy: psycopg.Copy) -> Iterator[bytearray]:
    """What COPY sends, in blocks of whole rows: the server sends a row at a time.

    In this thread. Arrow's own reader of a stream reads ahead in another, some 34 blocks, and does not end with us.
    """
    block = bytearray()
    while row := copy.read():
        block += row
        if len(block) >= BLOCK:
            yield block
            block = bytearray()
    if block:
        yield block
