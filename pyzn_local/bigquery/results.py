"""A query's result: an Arrow file on disk that is mapped into memory, so a result need not fit in it."""

import datetime as dt
from pathlib import Path
from typing import Any

import pyarrow as pa

from pyzn_local.bigquery.errors import invalid_query
from pyzn_local.bigquery.tables import scalar

_PAGE_ROWS = 10_000
_PAGE_BYTES = 10_000_000
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)


def page(result: pa.Table, start: int, rows: int | None) -> list[dict[str, Any]]:
    """A page of rows from `start` in the REST API's form, `{"f": [{"v": …}]}`.

    It has at most `rows` rows, and at most 10,000 rows or about 10 MB.
    """
    found = result.slice(start, _PAGE_ROWS if rows is None else min(rows, _PAGE_ROWS))
    while found.nbytes > _PAGE_BYTES and found.num_rows > 1:
        found = found.slice(0, found.num_rows // 2)
    columns = [[_cell(value, column.type) for value in column.to_pylist()] for column in found.columns]
    return [{"f": [{"v": cell} for cell in row]} for row in zip(*columns, strict=True)]


def spill(reader: pa.RecordBatchReader, path: Path) -> pa.Table:
    """Write a stream of DuckDB to `path`, with the Arrow types of BigQuery, and map it.

    Raises:
        BigQueryError: 400 `invalidQuery` for a type that BigQuery does not have, or an integer of more than 64 bits.
    """
    schema = pa.schema([(field.name, scalar(field.type)[1]) for field in reader.schema])
    try:
        with pa.ipc.new_file(str(path), schema) as writer:
            for batch in reader:
                writer.write_batch(batch.cast(schema))
    except pa.ArrowInvalid as error:
        raise invalid_query(f"int64 overflow: {error}") from None
    return pa.ipc.open_file(pa.memory_map(str(path))).read_all()


def _cell(value: Any, kind: pa.DataType) -> Any:
    if value is None:
        return None
    match scalar(kind)[0]:
        case "RECORD":
            return {"f": [{"v": _cell(value[part.name], part.type)} for part in kind.fields]}
        case "BOOLEAN":
            return "true" if value else "false"
        case "TIMESTAMP":
            return str((value - _EPOCH) // _MICROSECOND)  # formatOptions.useInt64Timestamp, as the client always asks
        case "FLOAT":
            return repr(value)
        case _:
            return str(value)
