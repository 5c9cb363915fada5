"""Computes the bytes that a query bills: https://cloud.google.com/bigquery/docs/best-practices-costs

INT64, FLOAT64, TIMESTAMP and DATE are 8 bytes, BOOL is 1, STRING is 2 + its UTF-8 bytes, NULL is 0; a RECORD
is the sum of its fields. All rows of the touched partitions count, even if the query returns few.
"""

from __future__ import annotations

from pyzn_local.bigquery.errors import BigQueryError
from pyzn_local.bigquery.fields import Field, leaves

MIB = 1024 * 1024
_MINIMUM = 10 * MIB  # bytes for each table referenced by a query
_WIDTHS = {"INTEGER": 8, "FLOAT": 8, "TIMESTAMP": 8, "DATE": 8, "BOOLEAN": 1}


def leaf_bytes_sql(fields: tuple[Field, ...]) -> str:
    """A DuckDB aggregate that returns a map from each leaf's dotted path to its billed bytes."""
    entries = []
    for path, field in leaves(fields):
        column = ".".join(f'"{name}"' for name in path)
        if field.type in {"STRING", "BYTES"}:
            count = f"COALESCE(SUM(2 + STRLEN({column})), 0)"
        else:
            count = f"COUNT({column}) * {_WIDTHS[field.type]}"
        entries.append(f"'{'.'.join(path)}': CAST({count} AS BIGINT)")
    return f"MAP {{{', '.join(entries)}}}"


def billed_bytes(processed: int, tables: int) -> int:
    """Billed bytes: whole MiB, at least 10 MiB for each table. A query without tables is free."""
    if not tables:
        return 0
    return max(_MINIMUM * tables, -(-processed // MIB) * MIB)


def check_cap(billed: int, maximum: int | None) -> None:
    """Refuse a query that would bill more than its `maximumBytesBilled` (bytes).

    Raises:
        BigQueryError: 400 `bytesBilledLimitExceeded`.
    """
    if maximum is not None and billed > maximum:
        message = f"Query exceeded limit for bytes billed: {maximum}. {billed} or higher required."
        raise BigQueryError(400, "bytesBilledLimitExceeded", message)
