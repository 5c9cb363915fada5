"""The data: one DuckDB database in a directory, with the rows of the tables and the billed bytes of each day.

A query can only reach the database: DuckDB is opened without access to files, extensions or its own settings.
"""

from __future__ import annotations

import datetime as dt
import re
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pyarrow as pa
from sqlglot import exp

from pyzn_local.bigquery.errors import BigQueryError, invalid_query
from pyzn_local.bigquery.fields import Field
from pyzn_local.bigquery.functions import register
from pyzn_local.bigquery.pricing import leaf_bytes_sql
from pyzn_local.bigquery.results import Result, result_fields, spill
from pyzn_local.bigquery.rewrite import to_duckdb
from pyzn_local.bigquery.sql import Plan
from pyzn_local.bigquery.tables import PARTITIONS, TABLES, Table

_MEMORY = "2GB"  # beyond it, DuckDB spills into the data directory

_UNPARTITIONED = "unpartitioned_rows"  # a variable of DuckDB: so many rows of each day are in no partition yet
_PARTITIONS = f"""
CREATE OR REPLACE VIEW "{PARTITIONS.name}" AS
WITH stored AS (
    SELECT table_path, strftime(day, '%Y%m%d') AS id, SUM(rows) AS stored_rows,
        SUM(list_sum(map_values(bytes))) AS bytes,
        LEAST(SUM(rows), COALESCE(getvariable('{_UNPARTITIONED}'), 0)) AS streamed_rows
    FROM partitions GROUP BY table_path, day
),
listed AS (
    SELECT table_path, id, stored_rows - streamed_rows AS total_rows, bytes FROM stored
    UNION ALL
    SELECT table_path, '__UNPARTITIONED__', SUM(streamed_rows), 0 FROM stored
    GROUP BY table_path HAVING SUM(streamed_rows) > 0
)
SELECT
    split_part(table_path, '.', 1) AS table_catalog,
    split_part(table_path, '.', 2) AS table_schema,
    split_part(table_path, '.', 3) AS table_name,
    id AS partition_id,
    CAST(total_rows AS BIGINT) AS total_rows,
    CAST(bytes AS BIGINT) AS total_logical_bytes
FROM listed
"""  # noqa: S608  # our own names


@dataclass(slots=True)
class Partition:
    """One day of a table: its rows, and the billed bytes of each leaf column."""

    rows: int = 0
    leaf_bytes: dict[str, int] = field(default_factory=dict)

    @property
    def bytes(self) -> int:
        """Billed bytes of all its columns."""
        return sum(self.leaf_bytes.values())


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
        register(self._database)
        self._database.execute("SET GLOBAL TimeZone = 'UTC'")
        self._database.execute("SET GLOBAL lock_configuration = true")
        self._database.execute(
            "CREATE TABLE IF NOT EXISTS partitions "  # one row for each load and day
            "(table_path VARCHAR, day DATE, rows BIGINT, bytes MAP(VARCHAR, BIGINT))"
        )
        for table in TABLES.values():
            columns = ", ".join(f'"{column.name}" {column.duckdb_type}' for column in table.fields)
            self._database.execute(f'CREATE TABLE IF NOT EXISTS "{table.name}" ({columns})')
        self._database.execute(_PARTITIONS)
        self._open = threading.Lock()
        self._loading = threading.Lock()

    def close(self) -> None:
        """Write everything to the database file and close it."""
        self._database.close()

    @contextmanager
    def cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A separate connection for one thread. DuckDB's errors are raised as BigQuery's."""
        with self._open:
            cursor = self._database.cursor()
        try:
            yield cursor
        except duckdb.Error as error:
            raise translate_error(error) from error
        finally:
            cursor.close()

    def evaluate(self, constant: exp.Expr, kind: exp.DType) -> object:
        """The value of a constant BigQuery expression, cast to `kind`."""
        with self.cursor() as cursor:
            row = cursor.execute(f"SELECT {to_duckdb(exp.cast(constant.copy(), kind))}").fetchone()
        return row[0] if row else None

    def fields(self, plan: Plan) -> tuple[Field, ...]:
        """The columns that a statement returns, without running it."""
        with self.cursor() as cursor:
            return result_fields(cursor.sql(plan.duckdb_sql).limit(0).to_arrow_table().schema)

    def run(self, plan: Plan, cursor: duckdb.DuckDBPyConnection, path: Path, unpartitioned: int = 0) -> Result:
        """Run a statement and write its rows to `path`. `cursor.interrupt()` from another thread stops it.

        For INFORMATION_SCHEMA.PARTITIONS, `unpartitioned` rows of each day are in no partition yet.
        """
        cursor.execute(f"SET VARIABLE {_UNPARTITIONED} = {unpartitioned:d}")
        return spill(cursor.sql(plan.duckdb_sql).to_arrow_reader(), path)

    def load(self, table: Table, batches: Iterable[pa.RecordBatch], cursor: duckdb.DuckDBPyConnection) -> int:
        """Append rows in the table's Arrow schema, all or none, and return how many."""
        day = f'CAST("{table.partition_column}" AS DATE)'
        with self._loading:
            cursor.execute(f'CREATE TEMP TABLE incoming AS FROM "{table.name}" LIMIT 0')
            for batch in batches:
                cursor.register("batch", pa.Table.from_batches([batch]))
                cursor.execute("INSERT INTO incoming FROM batch")
                cursor.unregister("batch")
            cursor.execute("BEGIN")
            cursor.execute(
                f"INSERT INTO partitions SELECT ?, {day}, COUNT(*), {leaf_bytes_sql(table.fields)} "  # noqa: S608  # our own column names
                "FROM incoming GROUP BY 2",
                [table.path],
            )
            cursor.execute(f'INSERT INTO "{table.name}" FROM incoming')
            cursor.execute("COMMIT")
            counted = cursor.execute("SELECT COUNT(*) FROM incoming").fetchone()
            cursor.execute("DROP TABLE incoming")
        return int(counted[0]) if counted else 0

    def forget(self, table: Table, day: dt.date) -> None:
        """Delete the rows of one day, and their billed bytes."""
        in_day = f'CAST("{table.partition_column}" AS DATE) = ?'
        with self._loading, self.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute(f'DELETE FROM "{table.name}" WHERE {in_day}', [day])  # noqa: S608  # our own names
            cursor.execute("DELETE FROM partitions WHERE table_path = ? AND day = ?", [table.path, day])
            cursor.execute("COMMIT")

    def clear(self) -> None:
        """Delete all rows of all tables."""
        with self._loading, self.cursor() as cursor:
            for name in ("partitions", *(table.name for table in TABLES.values())):
                cursor.execute(f'TRUNCATE "{name}"')

    def checkpoint(self) -> None:
        """Move the loaded rows from DuckDB's log into the database file, so that closing is quick."""
        with self._loading, self.cursor() as cursor:
            cursor.execute("CHECKPOINT")

    def partitions(self, table: Table) -> dict[dt.date, Partition]:
        """Every day that has rows."""
        with self.cursor() as cursor:
            rows = cursor.execute(
                "SELECT day, rows, bytes FROM partitions WHERE table_path = ? ORDER BY day", [table.path]
            ).fetchall()
        found: dict[dt.date, Partition] = {}
        for day, count, leaf_bytes in rows:
            partition = found.setdefault(day, Partition())
            partition.rows += count
            for leaf, size in leaf_bytes.items():
                partition.leaf_bytes[leaf] = partition.leaf_bytes.get(leaf, 0) + size
        return found

    def processed_bytes(self, plan: Plan) -> int:
        """Bytes of the columns that a statement reads, in all rows of the partitions that it touches."""
        total = 0
        for use in plan.uses:
            for day, partition in self.partitions(use.table).items():
                if all(bounds.touches(day) for bounds in use.bounds):
                    total += sum(partition.leaf_bytes.get(leaf, 0) for leaf in use.columns)
        return total


def translate_error(error: duckdb.Error) -> BigQueryError:
    """BigQuery's error for an error of DuckDB, with BigQuery's text where there is one."""
    text = str(error).strip()
    if isinstance(error, duckdb.InterruptException):
        return BigQueryError(400, "stopped", "Job execution was cancelled: User requested cancellation")
    if isinstance(error, duckdb.OutOfMemoryException):
        return BigQueryError(400, "resourcesExceeded", "Resources exceeded during query execution")
    if ungrouped := re.search(r'column "(.+?)" must appear in the GROUP BY clause', text):
        name = ungrouped[1]
        return invalid_query(f"SELECT list expression references column {name} which is neither grouped nor aggregated")
    if unknown := re.search(r'(?:Referenced (?:column|table)|Could not find key|^Binder Error: Column) "(.+?)"', text):
        return invalid_query(f"Unrecognized name: {unknown[1]}")
    first_line = text.splitlines()[0] if text else "unknown error"
    return invalid_query(re.sub(r"^[\w ]+ Error: ", "", first_line))
