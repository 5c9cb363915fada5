"""Converts Arrow batches to the binary format of COPY. Does not belong here: days and tables.

Arrow's own functions do the work, a column at a time: no Python code runs for each row.
The format: "Binary Format" in https://www.postgresql.org/docs/current/sql-copy.html.
"""

from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

HEADER = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
TRAILER = (-1).to_bytes(2, "big", signed=True)
EPOCH = (date(2000, 1, 1) - date(1970, 1, 1)).days  # Postgres counts days from 2000, Arrow from 1970


def encode(batch: pa.RecordBatch) -> pa.Buffer:
    """The rows of `batch` in COPY's format, to be sent after HEADER and before TRAILER. NULL stays NULL.

    Takes int64 (bigint), date32 (date) and string (text or json) columns. Raises TypeError for any other.
    """
    row: list[pa.Array | bytes] = [batch.num_columns.to_bytes(2, "big")]
    for column in batch.columns:
        values = _values(column)
        row += [_big_endian(pc.binary_length(values).fill_null(-1), 4), values.fill_null(b"")]
    rows = pc.binary_join_element_wise(*row, b"")
    _, _, joined = rows.buffers()  # validity, offsets, data; the data buffer is not empty even without rows
    return joined.slice(0, pc.sum(pc.binary_length(rows), min_count=0).as_py())


def _values(column: pa.Array) -> pa.Array:
    """A column's values in Postgres's binary form, without their lengths."""
    if pa.types.is_string(column.type):
        return column.cast(pa.binary())
    if pa.types.is_int64(column.type):
        values = _big_endian(column.fill_null(0), 8)
    elif pa.types.is_date32(column.type):
        values = _big_endian(pc.subtract(column.cast(pa.int32()).fill_null(0), EPOCH), 4)
    else:
        raise TypeError(f"a column of type {column.type}: the binary COPY writes int64, date32 and string")
    return pc.if_else(column.is_valid(), values, None) if column.null_count else values


def _big_endian(numbers: pa.Array, width: int) -> pa.Array:
    """Integers without NULL as big-endian values of `width` bytes."""
    swapped = pa.py_buffer(numbers.to_numpy().astype(f">i{width}"))
    return pa.Array.from_buffers(pa.binary(width), len(numbers), [None, swapped]).cast(pa.binary())
