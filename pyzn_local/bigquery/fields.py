"""Columns as BigQuery describes them, and their types in Arrow and DuckDB.

Types have the names of the REST API: INTEGER is INT64, FLOAT is FLOAT64, BOOLEAN is BOOL, RECORD is STRUCT.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from pyzn_local.bigquery.errors import invalid_query

# name: (Arrow, DuckDB, standard SQL); https://cloud.google.com/bigquery/docs/reference/storage#arrow_schema_details
_SCALARS: dict[str, tuple[pa.DataType, str, str]] = {
    "STRING": (pa.string(), "VARCHAR", "STRING"),
    "BYTES": (pa.binary(), "BLOB", "BYTES"),
    "INTEGER": (pa.int64(), "BIGINT", "INT64"),
    "FLOAT": (pa.float64(), "DOUBLE", "FLOAT64"),
    "BOOLEAN": (pa.bool_(), "BOOLEAN", "BOOL"),
    "TIMESTAMP": (pa.timestamp("us", tz="UTC"), "TIMESTAMPTZ", "TIMESTAMP"),
    "DATE": (pa.date32(), "DATE", "DATE"),
}


@dataclass(frozen=True, slots=True)
class Field:
    """One column, or one field of a RECORD."""

    name: str
    type: str
    mode: str = "NULLABLE"
    fields: tuple[Field, ...] = ()

    @property
    def arrow_type(self) -> pa.DataType:
        """The type that the Storage Read API sends for it."""
        if self.type == "RECORD":
            return pa.struct([pa.field(field.name, field.arrow_type) for field in self.fields])
        return _SCALARS[self.type][0]

    @property
    def duckdb_type(self) -> str:
        """The type of its column in DuckDB."""
        if self.type == "RECORD":
            return "STRUCT({})".format(", ".join(f'"{field.name}" {field.duckdb_type}' for field in self.fields))
        return _SCALARS[self.type][1]

    @property
    def sql_type(self) -> str:
        """Its type in BigQuery SQL, as in error messages."""
        if self.type == "RECORD":
            return "STRUCT<{}>".format(", ".join(f"{field.name} {field.sql_type}" for field in self.fields))
        return _SCALARS[self.type][2]

    def resource(self) -> dict[str, Any]:
        """The TableFieldSchema of the REST API."""
        found: dict[str, Any] = {"name": self.name, "type": self.type, "mode": self.mode}
        if self.fields:
            found["fields"] = [field.resource() for field in self.fields]
        return found


def arrow_schema(fields: Iterable[Field]) -> pa.Schema:
    """The Arrow schema of rows with these columns."""
    return pa.schema([pa.field(field.name, field.arrow_type) for field in fields])


def schema_resource(fields: Iterable[Field]) -> dict[str, Any]:
    """The TableSchema of the REST API."""
    return {"fields": [field.resource() for field in fields]}


def leaves(fields: Iterable[Field], prefix: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Field]]:
    """Every scalar with its path from the top-level column. BigQuery bills by these."""
    for field in fields:
        path = (*prefix, field.name)
        if field.type == "RECORD":
            yield from leaves(field.fields, path)
        else:
            yield path, field


def from_arrow(field: pa.Field) -> Field:
    """The BigQuery column for an Arrow field of a query's result or of a Parquet file.

    Every integer is INT64 (DuckDB's sums have 128 bits), decimals from arithmetic are FLOAT64, and an untyped NULL
    is INT64, as in BigQuery.

    Raises:
        BigQueryError: 400 `invalidQuery` for a type that the emulator does not have.
    """
    kind = field.type
    if pa.types.is_dictionary(kind):
        return from_arrow(pa.field(field.name, kind.value_type))
    if pa.types.is_struct(kind):
        return Field(field.name, "RECORD", fields=tuple(from_arrow(kind.field(at)) for at in range(kind.num_fields)))
    tests: dict[str, Callable[[], bool]] = {
        "STRING": lambda: pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind),
        "BYTES": lambda: pa.types.is_binary(kind) or pa.types.is_large_binary(kind),
        "INTEGER": lambda: (
            pa.types.is_integer(kind)
            or pa.types.is_null(kind)
            or (pa.types.is_decimal(kind) and kind.scale == 0 and kind.precision == 38)
        ),
        "FLOAT": lambda: pa.types.is_floating(kind) or pa.types.is_decimal(kind),
        "BOOLEAN": lambda: pa.types.is_boolean(kind),
        "TIMESTAMP": lambda: pa.types.is_timestamp(kind) and kind.tz is not None,
        "DATE": lambda: pa.types.is_date(kind),
    }
    for name, fits in tests.items():
        if fits():
            return Field(field.name, name)
    raise invalid_query(f"Column {field.name} has type {kind}, which this local BigQuery does not support")
