"""Staging: loads a scan's Arrow batches into Postgres, where only this transaction can see them."""

from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import date
from functools import cache
from importlib.resources import files
from itertools import chain, groupby
from string import Template
from typing import cast

import psycopg
import pyarrow as pa
import pyarrow.compute as pc
from psycopg import sql
from sqlalchemy import Connection, TextClause, text

from pyzn_pipeline.breakdowns import BREAKDOWNS, Breakdown
from pyzn_pipeline.store import binary_copy

Count = Callable[[pa.RecordBatch], None]


def stage(connection: Connection, day: date, batches: Iterable[pa.RecordBatch], count: Count, beside: bool) -> None:
    """Stream the rows of `day` by binary COPY, and call `count` with each batch in another thread.

    They go directly into the packed tables, or, if `beside`, into the temporary tables `staged_by_<breakdown>`,
    which are dropped with the transaction. Memory holds one batch. Rows in project order (as scan_day.sql
    returns them) load fastest; any order is correct.
    """
    tables = {b.name: sql.Identifier("pyzn", b.table) for b in BREAKDOWNS}
    if beside:
        tables = {b.name: sql.Identifier("pg_temp", f"staged_by_{b.name}") for b in BREAKDOWNS}
        for breakdown in BREAKDOWNS:
            connection.execute(_create_staging(breakdown))
    driver = cast("psycopg.Connection", connection.connection.driver_connection)
    with driver.cursor() as cursor, closing(_by_breakdown(day, batches, count)) as every:
        for name, pieces in groupby(every, key=lambda piece: piece[0]):
            _copy(cursor, tables[name], (rows for _, rows in pieces))


def _by_breakdown(
    day: date, batches: Iterable[pa.RecordBatch], count: Count
) -> Generator[tuple[str, pa.RecordBatch], None, None]:
    """The rows of each breakdown of each batch, with the columns of its packed table. Another thread counts them."""
    with ThreadPoolExecutor(1) as thread:
        for batch in batches:
            counting = thread.submit(count, batch)
            present = pc.unique(batch["breakdown"]).to_pylist()
            for breakdown in BREAKDOWNS:
                if breakdown.name in present:
                    rows = batch if len(present) == 1 else batch.filter(pc.equal(batch["breakdown"], breakdown.name))
                    days = pa.repeat(pa.scalar(day, pa.date32()), rows.num_rows)
                    yield breakdown.name, rows.select(breakdown.columns).append_column("day", days)
            counting.result()


def _copy(cursor: psycopg.Cursor, table: sql.Identifier, rows: Iterator[pa.RecordBatch]) -> None:
    first = next(rows)
    columns = sql.SQL(", ").join(map(sql.Identifier, first.schema.names))
    with cursor.copy(sql.SQL("COPY {} ({}) FROM STDIN WITH (FORMAT BINARY)").format(table, columns)) as copy:
        copy.write(binary_copy.HEADER)
        for batch in chain([first], rows):
            copy.write(binary_copy.encode(batch))
        copy.write(binary_copy.TRAILER)


@cache
def _create_staging(breakdown: Breakdown) -> TextClause:
    template = Template(files(__package__).joinpath("sql", "create_staging.sql").read_text(encoding="utf-8"))
    return text(template.substitute(table=breakdown.table, name=breakdown.name))
