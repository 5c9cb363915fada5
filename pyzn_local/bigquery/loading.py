"""Converts a Parquet file's rows to a table's columns: missing nullable columns are NULL, wrong ones are refused."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pyzn_local.bigquery.errors import BigQueryError, invalid
from pyzn_local.bigquery.fields import Field, arrow_schema, from_arrow
from pyzn_local.bigquery.tables import Table

_BATCH_ROWS = 65_536


def parquet_batches(path: Path, table: Table) -> Iterator[pa.RecordBatch]:
    """The rows of a Parquet file, batch by batch, with the columns of `table`.

    Raises:
        BigQueryError: 400 `invalid` for a file that is not Parquet, and for columns the table does not have,
            has with another type, or requires; a NULL in a required column raises when its batch is read.
    """
    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise invalid(f"Error while reading data, error message: not a Parquet file: {error}") from None
    return conform(file.schema_arrow, file.iter_batches(batch_size=_BATCH_ROWS), table)


def conform(schema: pa.Schema, batches: Iterable[pa.RecordBatch], table: Table) -> Iterator[pa.RecordBatch]:
    """`batches` of `schema`, with the columns of `table`. Raises as `parquet_batches` does."""
    _check(table.fields, list(schema), table, prefix="")
    return (_conformed(batch, table) for batch in batches)


def _conformed(batch: pa.RecordBatch, table: Table) -> pa.RecordBatch:
    struct = pa.StructArray.from_arrays(batch.columns, fields=list(batch.schema))
    arrays = [_shape(_child(struct, field.name), field, len(batch)) for field in table.fields]
    for array, field in zip(arrays, table.fields, strict=True):
        if field.mode == "REQUIRED" and array.null_count:
            raise invalid(
                f"Error while reading data, error message: column {field.name} of {table.path} is REQUIRED, "
                f"and is NULL in {array.null_count} rows"
            )
    return pa.RecordBatch.from_arrays(arrays, schema=arrow_schema(table.fields))


def _check(wanted: tuple[Field, ...], given: list[pa.Field], table: Table, prefix: str) -> None:
    """Compare a file's columns with the table's, and the fields inside them."""
    intro = f"Provided Schema does not match Table {table.project}:{table.dataset}.{table.name}."
    fields = {field.name: field for field in wanted}
    for column in given:
        path = prefix + column.name
        try:
            found = from_arrow(column)
        except BigQueryError:
            found = Field(column.name, str(column.type))
        field = fields.pop(column.name, None)
        if field is None:
            raise invalid(f"{intro} Cannot add fields (field: {path}, type: {found.type})")
        if field.type != found.type:
            raise invalid(f"{intro} Field {path} has changed type from {field.type} to {found.type}")
        if field.type == "RECORD":
            children = [column.type.field(at) for at in range(column.type.num_fields)]
            _check(field.fields, children, table, prefix=f"{path}.")
    for field in fields.values():
        if field.mode == "REQUIRED":
            raise invalid(f"{intro} Field {prefix}{field.name} ({field.type}) is REQUIRED and missing in the file")


def _child(struct: pa.StructArray, name: str) -> pa.Array | None:
    """The named child of a struct, with NULL where the struct is NULL; None if there is no such child."""
    at = struct.type.get_field_index(name)
    return None if at < 0 else struct.flatten()[at]


def _shape(array: pa.Array | None, field: Field, rows: int) -> pa.Array:
    if array is None:
        return pa.nulls(rows, field.arrow_type)
    if field.type != "RECORD":
        return array.cast(field.arrow_type, safe=field.type != "TIMESTAMP")  # cuts nanoseconds, as BigQuery does
    children = [_shape(_child(array, part.name), part, rows) for part in field.fields]
    mask = array.is_null() if array.null_count else None
    return pa.StructArray.from_arrays(children, fields=list(field.arrow_type), mask=mask)
