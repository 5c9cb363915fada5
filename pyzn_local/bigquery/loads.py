"""Rows to be loaded into a table.

What does not fit the table is refused by its row. Columns that a file lacks, and those without any value, are NULL. A
timestamp without a time zone is UTC, INT96 too.
"""

from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import types

from pyzn_local.bigquery.errors import BigQueryError, invalid
from pyzn_local.bigquery.tables import Table, scalar

_BATCH_ROWS = 65_536
_PANDAS_INDEX = "__index_level_0__"
_YEARS = ("2000", "2100")  # the first has no downloads yet; a time beyond them is a mistake of unit or of clock


def parquet_batches(path: Path, table: Table) -> Iterator[pa.RecordBatch]:
    """The rows of a Parquet file, batch by batch, with the columns of `table`.

    Raises:
        BigQueryError: 400 `invalid` for a file that is not Parquet or is damaged, for columns that the table does not
            have, has with another type, or requires, and for values that it cannot hold.
    """
    try:
        # Nanoseconds, which INT96 is read as otherwise, wrap in the year 2262.
        file = pq.ParquetFile(path, coerce_int96_timestamp_unit="us")
        yield from conform(file.iter_batches(batch_size=_BATCH_ROWS), file.schema_arrow, table)
    except (pa.ArrowException, OSError) as error:
        raise invalid(f"Error while reading data: not a Parquet file, or damaged: {error}") from None


def conform(batches: Iterable[pa.RecordBatch], schema: pa.Schema, table: Table) -> Iterator[pa.RecordBatch]:
    """`batches` of `schema`, with the columns of `table`. Raises as `parquet_batches` does."""
    wanted = pa.struct(list(table.schema))
    first = 1
    for batch in chain([pa.RecordBatch.from_pylist([], schema)], batches):  # a wrong schema is refused without rows too
        kept = batch.select([name for name in batch.schema.names if name != _PANDAS_INDEX])
        columns = _conformed(kept.to_struct_array(), wanted, "", first).flatten()
        for field, column in zip(table.schema, columns, strict=True):
            if not field.nullable and (nulls := column.is_null()).true_count:
                row = first + nulls.index(pa.scalar(True)).as_py()
                raise invalid(f"row {row}: column {field.name} is REQUIRED, and is NULL")
        first += batch.num_rows
        yield pa.RecordBatch.from_arrays(columns, schema=table.schema)


def _conformed(array: pa.Array, wanted: pa.DataType, path: str, first: int) -> pa.Array:
    """`array`, the column `path`, with the type `wanted`; its first value is of row `first`."""
    if types.is_null(array.type):
        return pa.nulls(len(array), wanted)
    name = scalar(wanted)[0]
    if (found := "RECORD" if types.is_struct(array.type) else _name(array.type)) != name:
        raise invalid(f"Provided Schema does not match: Field {path} has changed type from {name} to {found}")
    if name == "RECORD":
        given = {part.name: column for part, column in zip(array.type.fields, array.flatten(), strict=True)}
        dots = path and f"{path}."
        if unknown := given.keys() - {part.name for part in wanted.fields}:
            raise invalid(f"Provided Schema does not match: Cannot add field {dots}{min(unknown)}")
        columns = [
            _conformed(given.get(part.name, pa.nulls(len(array))), part.type, dots + part.name, first)
            for part in wanted.fields
        ]
        return pa.StructArray.from_arrays(columns, fields=wanted.fields, mask=array.is_null())
    if name == "TIMESTAMP":
        _check_years(array, path, first)
        return array.cast(wanted, safe=False)  # cuts nanoseconds, as BigQuery does; the years show that none wraps
    return array.cast(wanted)


def _name(kind: pa.DataType) -> str:
    try:
        return scalar(kind)[0]
    except BigQueryError:
        return str(kind)


def _check_years(array: pa.TimestampArray, path: str, first: int) -> None:
    """Refuse a time that no download has. Compared as integers: a cast to another unit may wrap."""
    unit = array.type.unit
    start, end = (int(np.datetime64(year, unit).astype(np.int64)) for year in _YEARS)
    numbers = array.cast(pa.int64())
    wrong = pc.or_(pc.less(numbers, start), pc.greater_equal(numbers, end))
    at = pc.index(wrong, True).as_py()
    if at >= 0:
        moment = np.datetime64(numbers[at].as_py(), unit)
        raise invalid(f"row {first + at}: {path} {moment} is not from {_YEARS[0]} to {int(_YEARS[1]) - 1}")
