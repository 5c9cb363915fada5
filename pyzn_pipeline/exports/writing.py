"""Writes an export: the Parquet files of a new revision, its `day.json`, and the index last.

A reader of the index sees a revision wholly or not at all, whenever this process dies: the index is replaced when all
files that it names are there. Only this module writes exports.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, cast

import duckdb
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
from psycopg import sql
from pydantic import ValidationError
from sqlalchemy import Connection, Engine, Row, text

from pyzn_pipeline.breakdowns import Breakdown, Contents
from pyzn_pipeline.errors import PyznError
from pyzn_pipeline.exports import tidy
from pyzn_pipeline.exports.index import (
    INDEX,
    Day,
    Entry,
    File,
    Index,
    LedgerColumns,
    RowsFile,
    check_files,
    explain,
    json_of,
    read_day,
    read_index,
)
from pyzn_pipeline.exports.storage import DamagedExport, Storage
from pyzn_pipeline.reading.checksum import Checksum
from pyzn_pipeline.store.database import statement
from pyzn_pipeline.store.errors import store_errors

THREADS = 2  # that unpack and write breakdowns, while this one counts the checksum
ROWS = 16_384  # projects of a batch; a day of all PyPI is about 45 of them


class ExportRefused(PyznError):
    """The day was not exported, and its line in the index is as before. The message names the cause and the way out."""


@dataclass(frozen=True)
class ExportResult:
    """A day in the index: its line, the bytes written for it, 0 if it was current, and the rows of its files."""

    entry: Entry
    bytes: int
    rows: int = 0


def exportable_days(engine: Engine, first: date = date.min, last: date = date.max) -> Sequence[Row[Any]]:
    """Return the rows of exportable_days.sql: the published days from `first` to `last`. Raises StoreError."""
    with store_errors("days to export"), engine.connect() as connection:
        return connection.execute(statement("exportable_days", __file__), {"first": first, "last": last}).all()


def due_for_export(engine: Engine, storage: Storage) -> list[Row[Any]]:
    """Return the published days whose line in the index is not there, or not as in the ledger; in order.

    Raises ExportRefused, StorageError, DamagedExport or StoreError.
    """
    published = exportable_days(engine)
    entries = _index_of(storage, published).by_day()
    return [day for day in published if not day.retired and not _is_current(entries.get(day.day), day)]


def export_days(
    engine: Engine,
    storage: Storage,
    first: date = date.min,
    last: date = date.max,
    *,
    check: bool = False,
    new: bool = False,
) -> Iterator[ExportResult | ExportRefused]:
    """Export the published days from `first` to `last` whose line in the index is not current, in order.

    With `check`, also those of which a file is not there. A storage without an index is refused if days are retired,
    which another storage may have; unless it is `new`.

    Yields for each published day its line, or why it was refused. One export of a ledger runs at a time; others wait.
    Memory holds one batch of a day. Raises ExportRefused, StorageError, DamagedExport or StoreError.
    """
    with store_errors("export"), engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(hashtext('pyzn.export'))"))  # until the session ends
        connection.commit()
        index = _index_of(storage, [] if new else exportable_days(engine))
        for published in exportable_days(engine, first, last):
            before = index.by_day().get(published.day)
            if before and _is_current(before, published) and not (check and _intact(storage, before) is None):
                yield ExportResult(before, 0)
                continue
            try:
                with store_errors(f"export of {published.day}"):
                    exported = _export(connection, storage, before, published.day)
            except ExportRefused as refused:
                yield refused
                continue
            except ValidationError as error:
                yield ExportRefused(f"day {published.day}: {explain(error)}: mirrors refuse that; not exported")
                continue
            index = index.with_day(exported.entry)
            storage.put(INDEX, json_of(index))
            yield exported


def _index_of(storage: Storage, published: Sequence[Row[Any]]) -> Index:
    index = read_index(storage)
    if index is None and (retired := [day.day for day in published if day.retired]):
        raise ExportRefused(
            f"{storage.name}/{INDEX}: there is no such file, and {len(retired):,} days, {retired[0]} to {retired[-1]}, "
            "are retired from Postgres: an export may be all that has them. Bring that one here; or, if there is none, "
            "begin one without these days: pyzn export --new"
        )
    return index or Index.of([], datetime(2016, 1, 1, tzinfo=UTC))


def _intact(storage: Storage, entry: Entry) -> Day | None:
    """Return the `day.json` of a line, if all files of the day are there."""
    try:
        day = read_day(storage, entry)
        check_files(storage, day)
    except DamagedExport:
        return None
    return day


def _is_current(entry: Entry | None, day: Row[Any]) -> bool:
    """Return whether the line is as the ledger and its events. Of a retired day only the content counts."""
    names = ("revision", "checksum") if day.retired else (*LedgerColumns.model_fields, "events")
    return entry is not None and all(getattr(entry, name) == getattr(day, name) for name in names)


def _export(connection: Connection, storage: Storage, before: Entry | None, day: date) -> ExportResult:
    """Write what the storage lacks of the day. Raises ValidationError for a day that no mirror would accept."""
    with connection.begin():  # all that is read of the day is of the same moment
        connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))
        found = connection.execute(statement("exported_day", __file__), {"day": day}).mappings().one_or_none()
        if found is None or found["retired"]:
            raise ExportRefused(
                f"day {day}: its rows are retired, and the export does not have all of it: only its totals are left; "
                "not exported"
            )
        row = dict(found)
        now = (row["revision"], row["checksum"])
        if before and before.revision >= row["revision"] and (before.revision, before.checksum) != now:
            raise ExportRefused(
                f"day {day}: {storage.name} has revision {before.revision} with the checksum {before.checksum}, the "
                f"ledger revision {row['revision']} with {row['checksum']}: if the storage is another deployment's, or "
                "this database was restored from a backup, export to a new storage; not exported"
            )
        known = _intact(storage, before) if before and before.revision == row["revision"] else None
        contents = _parquet_files(connection, row) if known is None else {}
    folder = f"{day}/{row['revision']}-{row['checksum']}"
    files = known.by_view() if known else {}
    for view, (content, count) in contents.items():
        files[view] = RowsFile(**_put(storage, f"{folder}/{view}.parquet", content), rows=count)
    held = _contents(row)
    own = {
        "counts": {name: row[name] for name in held.count_columns},
        "projects": files["downloads_by_project"],
        "breakdowns": {b.name: row["breakdowns"][b.name] | {"file": files[b.view]} for b in held.breakdowns},
    }
    content = json_of(Day.model_validate(row | own))
    file = _put(storage, f"{folder}/{hashlib.sha256(content).hexdigest()[:16]}/day.json", content)
    written = sum(len(content) for content, _ in contents.values()) + len(content)
    line = row | {"file": file, "events": [event["id"] for event in row["events"]]}
    return ExportResult(Entry.model_validate(line), written, sum(each.rows for each in files.values()))


def _contents(row: Mapping[str, Any]) -> Contents:
    return Contents.of(row, row["breakdowns"])


def _put(storage: Storage, path: str, content: bytes) -> dict[str, Any]:
    """Write a file, and return the fields of File."""
    file = File(path=path, bytes=len(content), sha256=hashlib.sha256(content).hexdigest())
    storage.put(path, content)
    return file.model_dump()


def _parquet_files(connection: Connection, row: Mapping[str, Any]) -> dict[str, tuple[bytes, int]]:
    """Return the day's Parquet files by view, and their numbers of rows.

    Proves that they have the published day: the rows that were read have the ledger's checksum, and the tidy rows make
    the same packed rows again. Raises ExportRefused otherwise.
    """
    day, contents = row["day"], _contents(row)
    checksum = Checksum(contents)
    schemas = {"downloads_by_project": tidy.projects_schema(contents)}
    schemas |= {breakdown.view: tidy.tidy_schema(breakdown) for breakdown in contents.breakdowns}
    files = {view: pa.BufferOutputStream() for view in schemas}
    counts = dict.fromkeys(schemas, 0)
    with (
        ExitStack() as stack,
        duckdb.connect(config={"threads": 1, "enable_external_access": False}) as counting,
        ThreadPoolExecutor(THREADS) as threads,  # the last: it waits for its work before anything is closed
    ):
        writers = {
            view: stack.enter_context(pq.ParquetWriter(files[view], schema, compression="zstd"))
            for view, schema in schemas.items()
        }

        def write(view: str, rows: pa.Table) -> None:
            writers[view].write_table(rows)
            counts[view] += rows.num_rows

        def unpack(packed: pa.Table, breakdown: Breakdown) -> pa.Array:
            rows = tidy.unpacked(counting, day, packed, breakdown)
            keys = tidy.keys_of(packed["project"], rows["project"])
            for column, document in zip(breakdown.columns, tidy.documents(breakdown, keys, rows), strict=True):
                if packed[column].combine_chunks() != document:
                    raise ExportRefused(
                        f"day {day}: {column} in pyzn.project_days is not as the scan writes it, so tidy rows would "
                        f"not give it back: pyzn verify {day} {day}; not exported"
                    )
            write(breakdown.view, rows)
            return keys

        for batch in packed_rows(connection, day, tidy.packed_schema(contents)):
            packed = pa.Table.from_batches([batch])
            unpacked = {breakdown: threads.submit(unpack, packed, breakdown) for breakdown in contents.breakdowns}
            counting.register("projects", packed)
            checksum.add(counting)
            counting.unregister("projects")
            keys = {breakdown: future.result() for breakdown, future in unpacked.items()}
            write("downloads_by_project", tidy.project_rows(day, packed, contents, keys))
    if checksum.value != row["checksum"]:
        raise ExportRefused(
            f"day {day}: the tables have the checksum {checksum.value}, the ledger {row['checksum']}: "
            f"pyzn verify {day} {day} shows what differs, pyzn backfill repairs it; not exported"
        )
    return {view: (file.getvalue().to_pybytes(), counts[view]) for view, file in files.items()}


def packed_rows(connection: Connection, day: date, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Read the rows of `pyzn.project_days` of `day` with the columns of `schema`, in project order, in batches.

    Memory holds a batch. Costs a pass over the partition, which is a month once the day is packed, and a sort.
    """
    columns = [
        sql.SQL("{}::text" if pa.types.is_string(f.type) else "{}").format(sql.Identifier(f.name)) for f in schema
    ]
    query = sql.SQL("SELECT {} FROM pyzn.project_days WHERE day = {} ORDER BY project")
    driver = cast("psycopg.Connection", connection.connection.driver_connection)
    driver.execute("SET LOCAL work_mem = '128MB'")
    with driver.cursor("exported_rows", binary=True) as cursor:
        cursor.execute(query.format(sql.SQL(", ").join(columns), sql.Literal(day)))
        while rows := cursor.fetchmany(ROWS):
            arrays = [
                pa.array(column, field.type) for column, field in zip(zip(*rows, strict=True), schema, strict=True)
            ]
            yield pa.RecordBatch.from_arrays(arrays, schema=schema)
