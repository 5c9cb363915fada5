"""A query's result: an Arrow file on disk that is read by row range, so a result need not fit in memory."""

from __future__ import annotations

import base64
import datetime as dt
from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from typing import Any

import pyarrow as pa

from pyzn_local.bigquery.errors import invalid_query
from pyzn_local.bigquery.fields import Field, arrow_schema, from_arrow

_BATCH_ROWS = 8_192
_PAGE_ROWS = 10_000
_PAGE_BYTES = 10_000_000
_PAGE_STEP = 1_000  # rows between two checks of the size
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)


class Result:
    """Rows in result order. Immutable, so several readers may read at the same time."""

    def __init__(self, path: Path, fields: tuple[Field, ...]) -> None:
        self.path = path
        self.fields = fields
        self.size = path.stat().st_size  # bytes
        self._source = pa.memory_map(str(path))
        self._file = pa.ipc.open_file(self._source)
        counts = [self._file.get_batch(at).num_rows for at in range(self._file.num_record_batches)]
        self._starts = [0, *accumulate(counts)]

    @property
    def total_rows(self) -> int:
        """How many rows there are."""
        return int(self._starts[-1])

    @property
    def schema(self) -> pa.Schema:
        """The Arrow schema of every batch."""
        return self._file.schema

    def batches(self, start: int, stop: int) -> Iterator[pa.RecordBatch]:
        """The rows from `start` up to `stop` (exclusive), in order, as zero-copy slices of the file."""
        at = max(0, bisect_right(self._starts, start) - 1)
        while start < min(stop, self.total_rows):
            first = self._starts[at]
            batch = self._file.get_batch(at)
            taken = batch.slice(start - first, stop - start)
            yield taken
            start += taken.num_rows
            at += 1

    def page(self, start: int, rows: int | None, *, int64_timestamps: bool) -> list[dict[str, Any]]:
        """A page of rows from `start` in the REST API's form, `{"f": [{"v": …}]}`.

        It has at most `rows` rows, and at most 10,000 rows or about 10 MB. The last page is the one that ends at
        `total_rows`.
        """
        stop = start + (_PAGE_ROWS if rows is None else min(rows, _PAGE_ROWS))
        found: list[dict[str, Any]] = []
        size = 0
        while start < min(stop, self.total_rows) and size < _PAGE_BYTES:
            for batch in self.batches(start, min(start + _PAGE_STEP, stop)):
                columns = [
                    [_cell(value, field, int64_timestamps) for value in column.to_pylist()]
                    for column, field in zip(batch.columns, self.fields, strict=True)
                ]
                found.extend({"f": [{"v": cell} for cell in row]} for row in zip(*columns, strict=True))
                start += batch.num_rows
                size += batch.nbytes
        return found

    def delete(self) -> None:
        """Remove the file. Readers that have begun keep their mapping."""
        self.path.unlink(missing_ok=True)


def result_fields(schema: pa.Schema) -> tuple[Field, ...]:
    """The BigQuery columns of a result of DuckDB.

    Raises:
        BigQueryError: 400 `invalidQuery` for a type that the emulator does not have.
    """
    return tuple(from_arrow(field) for field in schema)


def spill(reader: pa.RecordBatchReader, path: Path) -> Result:
    """Write a stream of DuckDB to `path`, with the Arrow types of BigQuery.

    Raises:
        BigQueryError: 400 `invalidQuery` when an integer does not fit in 64 bits.
    """
    fields = result_fields(reader.schema)
    schema = arrow_schema(fields)
    try:
        with pa.ipc.new_file(str(path), schema) as writer:
            for batch in _coalesced(reader):
                arrays = [column.cast(kind) for column, kind in zip(batch.columns, schema.types, strict=True)]
                writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=schema))
    except pa.ArrowInvalid as error:
        raise invalid_query(f"int64 overflow: {error}") from None
    return Result(path, fields)


def _coalesced(reader: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
    """Batches of a useful size: DuckDB returns 2,048 rows at a time, or a whole sorted result at once."""
    pending: list[pa.RecordBatch] = []
    rows = 0
    for batch in reader:
        for start in range(0, batch.num_rows, _BATCH_ROWS):
            pending.append(batch.slice(start, _BATCH_ROWS))
            rows += pending[-1].num_rows
            if rows >= _BATCH_ROWS:
                yield pa.concat_batches(pending)
                pending, rows = [], 0
    if rows:
        yield pa.concat_batches(pending)


def _cell(value: Any, field: Field, int64_timestamps: bool) -> Any:
    if value is None:
        return None
    if field.type == "RECORD":
        return {"f": [{"v": _cell(value[part.name], part, int64_timestamps)} for part in field.fields]}
    if field.type == "BOOLEAN":
        return "true" if value else "false"
    if field.type == "TIMESTAMP":
        microseconds = (value - _EPOCH) // _MICROSECOND
        return str(microseconds) if int64_timestamps else repr(microseconds / 1e6)
    if field.type == "BYTES":
        return base64.b64encode(value).decode()
    if field.type == "FLOAT":
        return repr(value)
    return str(value)
