"""The data: one DuckDB database in a directory, which has the rows of the tables, and what they cost to read.

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
from pyzn_local.bigquery.sql import Read, Statement, register
from pyzn_local.bigquery.tables import TABLES, Table, leaves, scalar

_MEMORY = "2GB"  # beyond it, DuckDB spills into the data directory
_BATCH_ROWS = 8_192
_WIDTHS = {"INTEGER": 8, "FLOAT": 8, "TIMESTAMP": 8, "DATE": 8, "BOOLEAN": 1}  # bytes; NULL has none


def _bytes_sql(table: Table, read: Iterable[tuple[str, ...]]) -> str:
    """An aggregate of DuckDB: the bytes that BigQuery bills for these leaf columns of all rows.

    A STRING is 2 and its UTF-8 bytes: https://cloud.google.com/bigquery/docs/best-practices-costs
    """
    types = {path: scalar(kind)[0] for path, kind in leaves(table.schema)}
    terms = ["0"]
    for path in read:
        column = ".".join(f'"{name}"' for name in path)
        text = f"coalesce(sum(2 + strlen({column})), 0)"
        terms.append(text if types[path] == "STRING" else f"count({column}) * {_WIDTHS[types[path]]}")
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
        view = Template(files(__package__).joinpath("partitions.sql").read_text("utf-8"))
        for table in TABLES.values():
            self._database.register("empty", table.schema.empty_table())
            self._database.execute(f'CREATE TABLE IF NOT EXISTS "{table.name}" AS FROM empty')
            self._database.unregister("empty")
            every_leaf = (path for path, _ in leaves(table.schema))
            self._database.execute(view.substitute(bytes=_bytes_sql(table, every_leaf)))

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

    def load(self, table: Table, batches: Iterable[pa.RecordBatch]) -> int:
        """Append rows in the table's Arrow schema, all or none, and return how many."""
        # By way of another table: where two statements of one transaction insert, and the first of them no row, DuckDB
        # 2.0 hides the rows of the other until the next checkpoint.
        with self.cursor() as cursor:
            cursor.execute(f'CREATE TEMP TABLE incoming AS FROM "{table.name}" LIMIT 0')
            for batch in batches:
                cursor.register("batch", pa.Table.from_batches([batch]))
                cursor.execute("INSERT INTO incoming FROM batch")
                cursor.unregister("batch")
            row = cursor.execute(f'INSERT INTO "{table.name}" FROM incoming').fetchone()
        return int(row[0]) if row else 0

    def forget(self, table: Table, day: dt.date | None = None) -> None:
        """Delete the rows of one day, or all rows."""
        with self.cursor() as cursor:
            if day is None:
                cursor.execute(f'TRUNCATE "{table.name}"')
            else:
                column = f'CAST("{table.partition_column}" AS DATE)'
                cursor.execute(f'DELETE FROM "{table.name}" WHERE {column} = ?', [day])  # noqa: S608  # our own names

    def days(self, table: Table) -> set[dt.date]:
        """The UTC days that have rows."""
        with self.cursor() as cursor:
            column = f'CAST("{table.partition_column}" AS DATE)'
            rows = cursor.execute(f'SELECT DISTINCT {column} FROM "{table.name}"').fetchall()  # noqa: S608  # our own names
        return {day for (day,) in rows}

    def size(self, table: Table, day: dt.date | None = None) -> tuple[int, int]:
        """The rows of a table, or of its partition `day`, and their bytes."""
        condition = f"CAST(\"{table.partition_column}\" AS DATE) = DATE '{day}'" if day else "TRUE"
        read = Read(table, tuple(path for path, _ in leaves(table.schema)), (condition,))
        return self._measured(read)

    def processed_bytes(self, statement: Statement) -> int:
        """Bytes of the columns that a statement reads, in all rows of the partitions where it finds any."""
        return sum(self._measured(read)[1] for read in statement.reads if read.table.partition_column)

    def _measured(self, read: Read) -> tuple[int, int]:
        """The rows in the partitions that are read, and the bytes of the columns that are."""
        table, day = read.table.name, f'CAST("{read.table.partition_column}" AS DATE)'
        touched = f'SELECT {day} FROM "{table}" WHERE {" AND ".join(read.conditions)}'  # noqa: S608  # our own names, and conditions from sql.py
        figures = f"count(*), {_bytes_sql(read.table, read.leaves)}"
        with self.cursor() as cursor:
            row = cursor.execute(f'SELECT {figures} FROM "{table}" WHERE {day} IN ({touched})').fetchone()  # noqa: S608  # as above
        return (int(row[0]), int(row[1])) if row else (0, 0)


def _translated(error: duckdb.Error) -> BigQueryError:
    """BigQuery's error for an error of DuckDB."""
    text = str(error).strip()
    if isinstance(error, duckdb.InterruptException):
        return BigQueryError(400, "stopped", "Job execution was cancelled: User requested cancellation")
    if isinstance(error, duckdb.OutOfMemoryException):
        return BigQueryError(400, "resourcesExceeded", "Resources exceeded during query execution")
    return invalid_query(re.sub(r"^[\w ]+ Error: ", "", text.splitlines()[0] if text else "unknown error"))
