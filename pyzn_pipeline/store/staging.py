"""Staging: a scan's Arrow batches into a table of the connection's own, and what they add up to."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

import psycopg
import pyarrow as pa
from pgpq import ArrowToPostgresBinaryEncoder
from psycopg import sql
from sqlalchemy import Connection

from pyzn_pipeline.store.database import statement


@dataclass(frozen=True)
class Counts:
    """What the staged rows of one breakdown add up to; `packed_*` are counted inside the documents."""

    rows: int = 0
    keys: int = 0
    downloads: int = 0
    pip_downloads: int = 0
    ci_downloads: int = 0
    packed_keys: int = 0
    packed_downloads: int = 0
    packed_pip_downloads: int = 0
    packed_ci_downloads: int = 0
    ragged: int = 0


def stage(connection: Connection, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> None:
    """Stream `batches` of `schema` into the temporary table `staged` by binary COPY.

    Memory holds one batch. The table goes with the transaction.
    """
    connection.execute(statement("create_staging"))
    driver = cast("psycopg.Connection", connection.connection.driver_connection)
    copy_in = sql.SQL("COPY staged ({}) FROM STDIN WITH (FORMAT BINARY)").format(
        sql.SQL(", ").join(sql.Identifier(name) for name in schema.names)
    )
    encoder = ArrowToPostgresBinaryEncoder(schema)
    with driver.cursor() as cursor, cursor.copy(copy_in) as copy:
        copy.write(encoder.write_header())
        for batch in batches:
            copy.write(encoder.write_batch(batch))
        copy.write(encoder.finish())


def count(connection: Connection) -> dict[str, Counts]:
    """The counts of the staged rows by breakdown, 'day' among them."""
    return {
        row.breakdown: Counts(**{name: int(value) for name, value in row._mapping.items() if name != "breakdown"})
        for row in connection.execute(statement("count_staged"))
    }


def profiles(connection: Connection) -> dict[str, str]:
    """The staged documents of the whole day, as JSON text: 'by_country' and 'by_hour'."""
    staged = connection.execute(statement("staged_profiles"))
    return {"by_country": "{}", "by_hour": "{}"} | {row.breakdown.removeprefix("day_"): row.document for row in staged}
