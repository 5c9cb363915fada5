"""Exports published days to a place: the Parquet files of a new revision, its `day.json`, and the index last.

A reader of the index sees a revision wholly or not at all, whenever this process dies: the index is replaced when all
files that it names are there. Only this module writes exports.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ValidationError
from sqlalchemy import Connection, Engine

from pyzn_pipeline.breakdowns import BREAKDOWNS, COUNT_COLUMNS, Breakdown
from pyzn_pipeline.errors import PyznError
from pyzn_pipeline.exports import tidy
from pyzn_pipeline.exports.errors import DamagedExport
from pyzn_pipeline.exports.index import (
    INDEX,
    LARGEST_DAY,
    Day,
    Entry,
    File,
    Held,
    Index,
    Known,
    Rows,
    by_view,
    made,
    read_day,
    read_index,
    written,
)
from pyzn_pipeline.exports.places import Place, sha256_of
from pyzn_pipeline.exports.scratch import scratch_folder
from pyzn_pipeline.reading.checksum import Checksum
from pyzn_pipeline.store.errors import store_errors
from pyzn_pipeline.store.exporting import Exportable, exportable_days, exporting, packed_rows, snapshot_of

THREADS = 2  # that unpack and write breakdowns, while this one counts the checksum


class ExportRefused(PyznError):
    """The day was not exported, and its line in the index is as before. The message says why and what to do."""


@dataclass(frozen=True)
class Exported:
    """A day in the index: its line, and how many bytes were written for it; 0 if the line was current already."""

    entry: Entry
    bytes: int


def due_for_export(engine: Engine, place: Place) -> list[Exportable]:
    """The published days whose line in the index of `place` is not there, or not what the ledger says; in order.

    Raises ExportRefused, PlaceError, DamagedExport or StoreError.
    """
    published = exportable_days(engine)
    lines = _index_of(place, published).by_day()
    return [day for day in published if not day.retired and not _is_current(lines.get(day.day), day)]


def exported_month(place: Place, month: date) -> dict[date, tuple[int, str]]:
    """Revision and checksum of each day of the month that the index of `place` has, and whose files are all there.

    Raises PlaceError, and DamagedExport if a file is not there.
    """
    index = read_index(place)
    lines = [line for line in index.days if line.day.replace(day=1) == month] if index else []
    for line in lines:
        check_files(place, read_day(place, line))
    return {line.day: (line.revision, line.checksum) for line in lines}


def check_files(place: Place, day: Day) -> None:
    """Raise DamagedExport unless all Parquet files of a day are there, with their sizes. Raises PlaceError."""
    for file in by_view(day).values():
        size = place.size(file.path)
        if size != file.bytes:
            found = "is not there" if size is None else f"has {size:,} bytes"
            raise DamagedExport(
                f"{place.name}/{file.path}: it {found}, {file.bytes:,} bytes were exported: "
                f"pyzn export --check {day.day} {day.day} writes it again, while Postgres has the day"
            )


def export_days(
    engine: Engine,
    place: Place,
    first: date = date.min,
    last: date = date.max,
    *,
    check: bool = False,
    new: bool = False,
) -> Iterator[Exported | ExportRefused]:
    """Export the published days from `first` to `last` whose line in the index is not current, in order.

    With `check`, also those of which a file is not there. A place without an index is taken for the wrong one if days
    are retired, which it may have had; unless it is `new`.

    Yields for each published day its line, or why it was refused. One export of a ledger runs at a time; others wait.
    Memory holds one batch of a day. Raises ExportRefused, PlaceError, DamagedExport or StoreError.
    """
    with exporting(engine) as connection:
        index = _index_of(place, [] if new else exportable_days(engine))
        for published in exportable_days(engine, first, last):
            before = index.by_day().get(published.day)
            if before and _is_current(before, published) and not (check and _is_damaged(place, before)):
                yield Exported(before, 0)
                continue
            try:
                with store_errors(f"export of {published.day}"):
                    exported = _export(connection, place, before, published.day)
            except ExportRefused as refused:
                yield refused
                continue
            index = index.with_day(exported.entry)
            place.put(INDEX, written(index))
            yield exported


def _index_of(place: Place, published: Sequence[Exportable]) -> Index:
    index = read_index(place)
    if index is None and (retired := [day.day for day in published if day.retired]):
        raise ExportRefused(
            f"{place.name}/{INDEX}: there is no such file, and {len(retired):,} days, {retired[0]} to {retired[-1]}, "
            "are retired from Postgres: an export may be all that has them. Bring that one here; or, if there is none, "
            "begin one without these days: pyzn export --new"
        )
    return index or made([], datetime(2016, 1, 1, tzinfo=UTC))


def _is_damaged(place: Place, line: Entry) -> bool:
    try:
        check_files(place, read_day(place, line))
    except DamagedExport:
        return True
    return False


def _is_current(line: Entry | None, day: Exportable) -> bool:
    """Whether the line says what the ledger says. Of a retired day only the content counts."""
    names = ("revision", "checksum") if day.retired else tuple(Known.model_fields)
    return line is not None and all(getattr(line, name) == getattr(day, name) for name in names)


def _export(connection: Connection, place: Place, before: Entry | None, day: date) -> Exported:
    with snapshot_of(connection, day) as row:
        if row is None or row["retired"]:
            raise ExportRefused(
                f"day {day}: its rows are retired, and the export does not have it whole: only its totals are left; "
                "not exported"
            )
        files = _files_of(place, before, row)
        size = 0
        if files is None:
            with scratch_folder() as folder:
                files = _write(connection, row, folder)
                for file in files.values():
                    place.put(file.path, folder / Path(file.path).name)
                    size += file.bytes
    content = _day_json(row, files)
    digest = hashlib.sha256(content).hexdigest()
    said = File(path=f"{_folder(row)}/{digest[:16]}/day.json", bytes=len(content), sha256=digest)
    place.put(said.path, content)
    return Exported(Entry(**{name: row[name] for name in Known.model_fields}, file=said), size + len(content))


def _files_of(place: Place, before: Entry | None, row: Mapping[str, Any]) -> dict[str, Rows] | None:
    """The files that the place has of the same content; None if they must be written. Raises ExportRefused."""
    if before is None or before.revision < row["revision"]:
        return None
    if (before.revision, before.checksum) != (row["revision"], row["checksum"]):
        raise ExportRefused(
            f"day {row['day']}: {place.name} has revision {before.revision} with the checksum {before.checksum}, the "
            f"ledger revision {row['revision']} with {row['checksum']}: if the place is another deployment's, or this "
            "database was restored from a backup, export to a new place; not exported"
        )
    try:
        day = read_day(place, before)
        check_files(place, day)
    except DamagedExport:
        return None  # written again, which repairs it
    return by_view(day)


def _write(connection: Connection, row: Mapping[str, Any], folder: Path) -> dict[str, Rows]:
    """Write the day's Parquet files into `folder`, and return them by view.

    Proves that they have the published day: the rows that were read have the ledger's checksum, and the tidy rows make
    the same packed rows again. Raises ExportRefused otherwise.
    """
    breakdowns = [breakdown for breakdown in BREAKDOWNS if breakdown.name in row["breakdowns"]]
    checksum = Checksum(breakdowns)
    schemas = {tidy.PROJECTS: tidy.projects_schema(breakdowns)} | {b.view: tidy.tidy_schema(b) for b in breakdowns}
    counted = dict.fromkeys(schemas, 0)
    with (
        ExitStack() as stack,
        tidy.Unpacking(row["day"], breakdowns) as unpacking,
        duckdb.connect(config={"threads": 1, "enable_external_access": False}) as counting,
        ThreadPoolExecutor(THREADS) as threads,  # the last: it waits for its work before anything is closed
    ):
        writers = {
            view: stack.enter_context(pq.ParquetWriter(_file(folder, view), schema, compression="zstd"))
            for view, schema in schemas.items()
        }

        def unpack(packed: pa.Table, breakdown: Breakdown) -> pa.Array:
            rows = unpacking.rows(packed, breakdown)
            keys = tidy.keys_of(packed["project"], rows["project"])
            for column, document in zip(breakdown.columns, tidy.documents(breakdown, keys, rows), strict=True):
                if packed[column].combine_chunks() != document:
                    raise ExportRefused(
                        f"day {row['day']}: {column} in pyzn.project_days is not as the scan writes it, so tidy rows "
                        f"would not give it back: pyzn verify {row['day']} {row['day']}; not exported"
                    )
            writers[breakdown.view].write_table(rows)
            counted[breakdown.view] += rows.num_rows
            return keys

        for batch in packed_rows(connection, row["day"], tidy.packed_schema(breakdowns)):
            packed = pa.Table.from_batches([batch])
            unpacked = {b.name: threads.submit(unpack, packed, b) for b in breakdowns}
            counting.register("projects", packed)
            checksum.add(counting)
            counting.unregister("projects")
            keys = {name: future.result() for name, future in unpacked.items()}
            writers[tidy.PROJECTS].write_table(unpacking.projects(packed, keys))
            counted[tidy.PROJECTS] += packed.num_rows
    if checksum.value != row["checksum"]:
        raise ExportRefused(
            f"day {row['day']}: the tables have the checksum {checksum.value}, the ledger says {row['checksum']}: "
            f"pyzn verify {row['day']} {row['day']} says what differs, pyzn backfill repairs it; not exported"
        )
    return {
        view: _described(_file(folder, view), f"{_folder(row)}/{view}.parquet", rows) for view, rows in counted.items()
    }


def _file(folder: Path, view: str) -> Path:
    return folder / f"{view}.parquet"


def _folder(row: Mapping[str, Any]) -> str:
    return f"{row['day']}/{row['revision']}-{row['checksum']}"


def _described(file: Path, path: str, rows: int) -> Rows:
    return Rows(path=path, bytes=file.stat().st_size, sha256=sha256_of(file), rows=rows)


def _day_json(row: Mapping[str, Any], files: Mapping[str, Rows]) -> bytes:
    """The content of the `day.json`. Raises ExportRefused for a day that no mirror would take."""
    try:
        content = written(_day(row, files))
    except ValidationError as error:
        first = error.errors()[0]
        raise ExportRefused(
            f"day {row['day']}: {'.'.join(map(str, first['loc']))}: {first['msg']}: mirrors refuse that; not exported"
        ) from None
    if len(content) > LARGEST_DAY:
        raise ExportRefused(
            f"day {row['day']}: its day.json has {len(content):,} bytes, mirrors read {LARGEST_DAY:,}; not exported"
        )
    return content


def _day(row: Mapping[str, Any], files: Mapping[str, Rows]) -> Day:
    held = {
        breakdown.name: Held(**row["breakdowns"][breakdown.name], file=files[breakdown.view])
        for breakdown in BREAKDOWNS
        if breakdown.name in row["breakdowns"]
    }
    own = {name: row[name] for name in Day.model_fields if name in row.keys() - {"breakdowns", "projects"}}
    counts = {name: row[name] for name in COUNT_COLUMNS}
    return Day(**own, counts=counts, projects=files[tidy.PROJECTS], breakdowns=held)
