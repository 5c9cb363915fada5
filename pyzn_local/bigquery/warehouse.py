"""The data: one DuckDB database in a directory, which has the rows of `file_downloads`, and what they cost to read.

A query can only reach the database: DuckDB is opened without access to files, extensions or its own settings.
"""

import datetime as dt
import re
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from string import Template

import duckdb
import pyarrow as pa

from pyzn_local.bigquery.errors import BigQueryError, invalid_query
from pyzn_local.bigquery.results import spill
from pyzn_local.bigquery.sql import Statement, TableScan, register
from pyzn_local.bigquery.tables import FILE_DOWNLOADS, leaves, scalar

_MEMORY = "2GB"  # beyond it, DuckDB spills into the data directory
_BATCH_ROWS = 8_192
_WIDTHS = {"INTEGER": 8, "FLOAT": 8, "TIMESTAMP": 8, "DATE": 8, "BOOLEAN": 1}  # bytes; NULL has none
_TYPES = {path: scalar(kind)[0] for path, kind in leaves(FILE_DOWNLOADS.schema)}


def _bytes_sql(read: Iterable[tuple[str, ...]]) -> str:
    """An aggregate of DuckDB: the bytes that BigQuery bills for these leaf columns of all rows.

    A STRING is 2 and its UTF-8 bytes: https://cloud.google.com/bigquery/docs/best-practices-costs
    """
    terms = ["0"]
    for path in read:
        column = ".".join(f'"{name}"' for name in path)
        text = f"coalesce(sum(2 + strlen({column})), 0)"
        terms.append(text if _TYPES[path] == "STRING" else f"count({column}) * {_WIDTHS[_TYPES[path]]}")
    return " + ".join(terms)


class Warehouse:
    """Opens or creates the database in `data_dir`. Only one process can open it at a time.

    Raises:
        duckdb.IOException: another process has the database open.
    """

    def __init__(self, data_dir: Path) -> None:
        data_dir.mkdir(parents=True, exist_ok=True)
        self._database = duckdb.connect(
            str(data_dir / "warehouse.duckdb"),
            config={
                "enable_external_access": False,
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
                "allow_community_extensions": False,
                "temp_directory": str(data_dir / "spill"),
                "memory_limit": _MEMORY,
                "threads": 2,
            },
        )
        self._lock = threading.Lock()
        register(self._database)
        self._database.execute("SET GLOBAL TimeZone = 'UTC'")
        self._database.execute("SET GLOBAL lock_configuration = true")
        self._database.register("empty", FILE_DOWNLOADS.schema.empty_table())
        self._database.execute("CREATE TABLE IF NOT EXISTS file_downloads AS FROM empty")
        self._database.unregister("empty")
        view = Template(files(__package__).joinpath("partitions.sql").read_text("utf-8"))
        self._database.execute(view.substitute(bytes=_bytes_sql(_TYPES)))

    def close(self) -> None:
        """Write everything to the database file and close it."""
        self._database.close()

    @contextmanager
    def cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A separate connection for one thread. DuckDB's errors are raised as BigQuery's."""
        with self._lock:
            cursor = self._database.cursor()
        try:
            yield cursor
        except duckdb.Error as error:
            raise _translated(error) from error
        finally:
            cursor.close()

    def schema(self, statement: Statement) -> pa.Schema:
        """The columns that a statement returns, without running it."""
        with self.cursor() as cursor:
            found: pa.Schema = cursor.sql(statement.duckdb_sql).limit(0).to_arrow_table().schema
        return pa.schema([field.with_type(scalar(field.type)[1]) for field in found])

    def run(self, statement: Statement, cursor: duckdb.DuckDBPyConnection, path: Path, unpartitioned: int) -> pa.Table:
        """Run a statement and write its rows to `path`. `cursor.interrupt()` from another thread stops it.

        For INFORMATION_SCHEMA.PARTITIONS, `unpartitioned` rows of each day are in no partition yet.
        """
        cursor.execute(f"SET VARIABLE unpartitioned_rows = {unpartitioned:d}")
        return spill(cursor.sql(statement.duckdb_sql).to_arrow_reader(_BATCH_ROWS), path)

    def load(self, batches: Iterable[pa.RecordBatch]) -> int:
        """Append rows in the table's Arrow schema, all or none, and return how many."""
        # By way of another table: where two statements of one transaction insert, and the first of them no row, DuckDB
        # 2.0 hides the rows of the other until the next checkpoint.
        with self.cursor() as cursor:
            cursor.execute("CREATE TEMP TABLE incoming AS FROM file_downloads LIMIT 0")
            for batch in batches:
                cursor.register("batch", pa.Table.from_batches([batch]))
                cursor.execute("INSERT INTO incoming FROM batch")
                cursor.unregister("batch")
            row = cursor.execute("INSERT INTO file_downloads FROM incoming").fetchone()
        return int(row[0]) if row else 0

    def forget(self, day: dt.date | None = None) -> None:
        """Delete the rows of one UTC day, or all rows."""
        with self.cursor() as cursor:
            if day is None:
                cursor.execute("TRUNCATE file_downloads")
            else:
                cursor.execute("DELETE FROM file_downloads WHERE CAST(timestamp AS DATE) = ?", [day])

    def days(self) -> set[dt.date]:
        """The UTC days that have rows."""
        with self.cursor() as cursor:
            rows = cursor.execute("SELECT DISTINCT CAST(timestamp AS DATE) FROM file_downloads").fetchall()
        return {day for (day,) in rows}

    def processed_bytes(self, statement: Statement) -> int:
        """Bytes of the columns that a statement reads, in all rows of the partitions where it finds any."""
        return sum(self._bytes(read) for read in statement.reads if read.table is FILE_DOWNLOADS)

    def _bytes(self, read: TableScan) -> int:
        touched = f"SELECT CAST(timestamp AS DATE) FROM file_downloads WHERE {' AND '.join(read.conditions)}"  # noqa: S608 - sqlglot writes them
        total = f"SELECT {_bytes_sql(read.leaves)} FROM file_downloads WHERE CAST(timestamp AS DATE) IN ({touched})"  # noqa: S608 - columns of ours
        with self.cursor() as cursor:
            row = cursor.execute(total).fetchone()
        return int(row[0]) if row else 0


def _translated(error: duckdb.Error) -> BigQueryError:
    """BigQuery's error for an error of DuckDB."""
    text = str(error).strip()
    if isinstance(error, duckdb.InterruptException):
        return BigQueryError(400, "stopped", "Job execution was cancelled: User requested cancellation")
    if isinstance(error, duckdb.OutOfMemoryException):
        return BigQueryError(400, "resourcesExceeded", "Resources exceeded during query execution")
    return invalid_query(re.sub(r"^[\w ]+ Error: ", "", text.splitlines()[0] if text else "unknown error"))
