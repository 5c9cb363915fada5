"""The emulator's tables: the columns of `bigquery-public-data.pypi.file_downloads`, types, and look-up by name.

Columns: https://docs.pypi.org/api/bigquery/, and https://cloud.google.com/bigquery/docs/information-schema-partitions
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from pyarrow import types

from pyzn_local.bigquery.errors import invalid_query, not_found

LOCATION = "US"
UTC = pa.timestamp("us", tz="UTC")

# BigQuery's name, its Arrow type in the Storage Read API, and the Arrow types of DuckDB and Parquet that it holds.
# Every integer is INT64, DuckDB's sums of 128 bits too; other decimals are FLOAT64; an untyped NULL is INT64.
_SCALARS: list[tuple[str, pa.DataType, Callable[[pa.DataType], bool]]] = [
    ("STRING", pa.string(), lambda kind: types.is_string(kind) or types.is_large_string(kind)),
    ("INTEGER", pa.int64(), lambda kind: types.is_integer(kind) or types.is_null(kind) or kind == pa.decimal128(38)),
    ("FLOAT", pa.float64(), lambda kind: types.is_floating(kind) or types.is_decimal(kind)),
    ("BOOLEAN", pa.bool_(), types.is_boolean),
    ("TIMESTAMP", UTC, types.is_timestamp),
    ("DATE", pa.date32(), types.is_date),
]


@dataclass(frozen=True, slots=True)
class Table:
    """A table, partitioned by the UTC day of `partition_column`, or a view of metadata, which has no such column."""

    project: str
    dataset: str
    name: str
    schema: pa.Schema
    partition_column: str | None

    @property
    def path(self) -> str:
        """`project.dataset.table`, the form in SQL."""
        return f"{self.project}.{self.dataset}.{self.name}"


def _texts(*names: str) -> list[pa.Field]:
    return [pa.field(name, pa.string()) for name in names]


def _record(name: str, *fields: pa.Field) -> pa.Field:
    return pa.field(name, pa.struct(fields))


FILE_DOWNLOADS = Table(
    project="bigquery-public-data",
    dataset="pypi",
    name="file_downloads",
    partition_column="timestamp",
    schema=pa.schema(
        [
            pa.field("timestamp", UTC, nullable=False),
            *_texts("country_code", "url", "project"),
            _record("file", *_texts("filename", "project", "version", "type")),
            _record(
                "details",
                _record("installer", *_texts("name", "version")),
                *_texts("python"),
                _record("implementation", *_texts("name", "version")),
                _record("distro", *_texts("name", "version", "id"), _record("libc", *_texts("lib", "version"))),
                _record("system", *_texts("name", "release")),
                *_texts("cpu", "openssl_version", "setuptools_version", "rustc_version"),
                pa.field("ci", pa.bool_()),
            ),
            *_texts("tls_protocol", "tls_cipher"),
        ]
    ),
)

PARTITIONS = Table(  # BigQuery has more columns
    project=FILE_DOWNLOADS.project,
    dataset=FILE_DOWNLOADS.dataset,
    name="INFORMATION_SCHEMA.PARTITIONS",
    partition_column=None,
    schema=pa.schema(
        [
            *_texts("table_catalog", "table_schema", "table_name", "partition_id"),
            pa.field("total_rows", pa.int64()),
            pa.field("total_logical_bytes", pa.int64()),
        ]
    ),
)

QUERIED = {table.path: table for table in (FILE_DOWNLOADS, PARTITIONS)}
"""The tables that a query can read."""


def find_table(project: str, dataset: str, name: str) -> Table:
    """Return the table of that name.

    Raises:
        BigQueryError: 404 `notFound` for the table, or for its dataset if that does not exist either.
    """
    if found := QUERIED.get(f"{project}.{dataset}.{name}"):
        return found
    find_dataset(project, dataset)
    raise not_found(f"Table {project}:{dataset}.{name} was not found in location {LOCATION}")


def find_dataset(project: str, dataset: str, location: str = LOCATION) -> None:
    """Raise 404 `notFound` unless the dataset is here. In another location than US there is none."""
    if location.upper() != LOCATION or (project, dataset) != (FILE_DOWNLOADS.project, FILE_DOWNLOADS.dataset):
        raise not_found(f"Dataset {project}:{dataset} was not found in location {location}")


def scalar(kind: pa.DataType) -> tuple[str, pa.DataType]:
    """Return BigQuery's name of a type, and its type in the Storage Read API; for a struct RECORD and itself.

    Raises:
        BigQueryError: 400 `invalidQuery` for a type that the emulator does not have.
    """
    if types.is_struct(kind):
        return "RECORD", pa.struct([pa.field(part.name, scalar(part.type)[1]) for part in kind.fields])
    if types.is_dictionary(kind):
        return scalar(kind.value_type)
    for name, arrow, holds in _SCALARS:
        if holds(kind):
            return name, arrow
    raise invalid_query(f"Type {kind} is not supported by this emulator")


def schema_resource(fields: Iterable[pa.Field]) -> dict[str, Any]:
    """Return the TableSchema of the REST API."""

    def resource(field: pa.Field) -> dict[str, Any]:
        name = scalar(field.type)[0]
        parts = schema_resource(field.type.fields) if name == "RECORD" else {}
        return {"name": field.name, "type": name, "mode": "NULLABLE" if field.nullable else "REQUIRED", **parts}

    return {"fields": [resource(field) for field in fields]}


def leaves(fields: Iterable[pa.Field], prefix: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], pa.DataType]]:
    """Yield the path and type of every scalar. BigQuery bills by these."""
    for field in fields:
        if types.is_struct(field.type):
            yield from leaves(field.type.fields, (*prefix, field.name))
        else:
            yield (*prefix, field.name), field.type
