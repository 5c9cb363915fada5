"""Rows to be loaded into a table.

What does not fit the table is refused by its column or row. Columns that a file lacks, and those without any value, are
NULL. A timestamp without a time zone is UTC, INT96 too.
"""

from collections.abc import Iterable, Iterator
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
            have, or has with another type, and for times that no download has.
    """
    try:
        # Nanoseconds, which INT96 is read as otherwise, wrap in the year 2262.
        file = pq.ParquetFile(path, coerce_int96_timestamp_unit="us")
        yield from conform(file.iter_batches(batch_size=_BATCH_ROWS), file.schema_arrow, table)
    except (pa.ArrowException, OSError) as error:
        raise invalid(f"Error while reading data: not a Parquet file, or damaged: {error}") from None


def conform(batches: Iterable[pa.RecordBatch], schema: pa.Schema, table: Table) -> Iterator[pa.RecordBatch]:
    """`batches` of `schema`, with the columns of `table`. Raises as `parquet_batches` does."""
    given = [field for field in schema if field.name != _PANDAS_INDEX]
    _check_columns(given, table.schema)
    first = 1
    for batch in batches:
        columns = dict(zip(batch.schema.names, batch.columns, strict=True))
        _check_times(columns.get(table.partition_column), first)
        absent = pa.nulls(batch.num_rows)
        # Not safe: it cuts nanoseconds, as BigQuery does; the years show that none wraps.
        fitting = [columns.get(field.name, absent).cast(field.type, safe=False) for field in table.schema]
        first += batch.num_rows
        yield pa.RecordBatch.from_arrays(fitting, schema=table.schema)


def _check_columns(given: Iterable[pa.Field], wanted: Iterable[pa.Field], path: str = "") -> None:
    """Refuse a column that the table does not have, or has with another type."""
    known = {field.name: field.type for field in wanted}
    for field in given:
        if field.name not in known:
            raise invalid(f"Provided Schema does not match: Cannot add field {path}{field.name}")
        kind = known[field.name]
        name, found = _name(kind), _name(field.type)
        if found != name and not types.is_null(field.type):
            changed = f"Field {path}{field.name} has changed type from {name} to {found}"
            raise invalid(f"Provided Schema does not match: {changed}")
        if found == "RECORD":
            _check_columns(field.type.fields, kind.fields, f"{path}{field.name}.")


def _name(kind: pa.DataType) -> str:
    try:
        return scalar(kind)[0]
    except BigQueryError:
        return str(kind)


def _check_times(times: pa.TimestampArray | None, first: int) -> None:
    """Refuse a time that no download has, by its row; the first is row `first`.

    Compared as integers: a cast to another unit may wrap.
    """
    if times is None or times.null_count:
        row = first + (0 if times is None else pc.index(times.is_null(), True).as_py())
        raise invalid(f"row {row}: column timestamp is REQUIRED, and is NULL")
    unit = times.type.unit
    start, end = (int(np.datetime64(year, unit).astype(np.int64)) for year in _YEARS)
    numbers = times.cast(pa.int64())
    at = pc.index(pc.or_(pc.less(numbers, start), pc.greater_equal(numbers, end)), True).as_py()
    if at >= 0:
        moment = np.datetime64(numbers[at].as_py(), unit)
        raise invalid(f"row {first + at}: timestamp {moment} is not from {_YEARS[0]} to {int(_YEARS[1]) - 1}")
