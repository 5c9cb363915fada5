"""Load jobs: append a Parquet file, which is uploaded in chunks, to a table.

What does not fit the table is refused by its row. Columns that a file lacks, and those without any value, are NULL. A
timestamp without a time zone is UTC, INT96 too.
Protocol: https://cloud.google.com/bigquery/docs/reference/api-uploads#resumable
"""

import re
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Literal

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import types
from pydantic import BaseModel, ConfigDict

from pyzn_local.bigquery.errors import BigQueryError, invalid, not_found
from pyzn_local.bigquery.jobs import Job, Jobs
from pyzn_local.bigquery.tables import Table, find_table, scalar

_BATCH_ROWS = 65_536
_PANDAS_INDEX = "__index_level_0__"
_YEARS = ("2000", "2100")  # the first has no downloads yet; a time beyond them is a mistake of unit or of clock
_RANGE = re.compile(r"bytes (?:(?P<first>\d+)-\d+|\*)/(?P<total>\d+|\*)")


class LoadOptions(BaseModel):
    """`configuration.load` of a job. What would change a load and is not here is refused, not ignored."""

    model_config = ConfigDict(extra="forbid")

    sourceFormat: Literal["PARQUET"]  # noqa: N815  # the API's names
    destinationTable: dict[Literal["projectId", "datasetId", "tableId"], str]  # noqa: N815  # the API's names
    writeDisposition: Literal["WRITE_APPEND"] = "WRITE_APPEND"  # noqa: N815


@dataclass(slots=True)
class Upload:
    """A load job whose file is being received."""

    project: str
    job_id: str
    configuration: dict[str, Any]
    table: Table
    path: Path
    received: int = 0  # bytes


class Loads:
    """Receives files and starts the jobs that load them."""

    def __init__(self, jobs: Jobs, uploads_dir: Path) -> None:
        self._jobs = jobs
        self._dir = uploads_dir
        self._uploads: dict[str, Upload] = {}

    def begin(self, project: str, job_id: str, configuration: dict[str, Any]) -> str:
        """Begin the upload for a load job, and return the upload's id.

        Raises:
            ValidationError, BigQueryError: 400 for options that are not supported, 404 for an unknown table.
        """
        target = LoadOptions.model_validate(configuration.get("load")).destinationTable
        table = find_table(*(target.get(part, "") for part in ("projectId", "datasetId", "tableId")))
        upload_id = uuid.uuid4().hex
        self._uploads[upload_id] = Upload(project, job_id, configuration, table, self._dir / f"{upload_id}.parquet")
        return upload_id

    def receive(self, upload_id: str, content_range: str, body: bytes) -> Upload | Job:
        """Take a chunk. Returns the upload while bytes are missing, and the started job after the last chunk.

        Raises:
            BigQueryError: 404 for an unknown upload, 400 for a range that does not continue it, 409 when the job
                exists. Errors in the file make the job fail instead.
        """
        upload, found = self._uploads.get(upload_id), _RANGE.fullmatch(content_range)
        if upload is None:
            raise not_found(f"Upload {upload_id}")
        if found is None or int(found["first"] or upload.received) != upload.received:
            raise invalid(f"Invalid Content-Range: {content_range!r} after {upload.received} bytes")
        with upload.path.open("ab") as file:
            upload.received += file.write(body)
        if found["total"] != str(upload.received):
            return upload
        del self._uploads[upload_id]
        job = Job(upload.project, upload.job_id, "load", upload.configuration, {})

        def run(job: Job, cursor: duckdb.DuckDBPyConnection) -> None:
            try:
                rows = self._jobs.warehouse.load(upload.table, parquet_batches(upload.path, upload.table), cursor)
                job.statistics |= {"inputFileBytes": str(upload.received), "outputRows": str(rows)}
            finally:
                upload.path.unlink(missing_ok=True)

        self._jobs.start(job, run)
        return job


def parquet_batches(path: Path, table: Table) -> Iterator[pa.RecordBatch]:
    """The rows of a Parquet file, batch by batch, with the columns of `table`.

    Raises:
        BigQueryError: 400 `invalid` for a file that is not Parquet or is damaged, for columns that the table does not
            have, has with another type, or requires, and for values that it cannot hold.
    """
    try:
        # Nanoseconds, which INT96 is read as otherwise, wrap in the year 2262.
        file = pq.ParquetFile(path, coerce_int96_timestamp_unit="us")
        yield from conform(file.iter_batches(batch_size=_BATCH_ROWS), file.schema_arrow, table)
    except (pa.ArrowException, OSError) as error:
        raise invalid(f"Error while reading data: not a Parquet file, or damaged: {error}") from None


def conform(batches: Iterable[pa.RecordBatch], schema: pa.Schema, table: Table) -> Iterator[pa.RecordBatch]:
    """`batches` of `schema`, with the columns of `table`. Raises as `parquet_batches` does."""
    wanted = pa.struct(list(table.schema))
    first = 1
    for batch in chain([pa.RecordBatch.from_pylist([], schema)], batches):  # a wrong schema is refused without rows too
        columns = _conformed(_struct(batch), wanted, "", first).flatten()
        for field, column in zip(table.schema, columns, strict=True):
            if not field.nullable and (nulls := column.is_null()).true_count:
                row = first + nulls.index(pa.scalar(True)).as_py()
                raise invalid(f"row {row}: column {field.name} is REQUIRED, and is NULL")
        first += batch.num_rows
        yield pa.RecordBatch.from_arrays(columns, schema=table.schema)


def _struct(batch: pa.RecordBatch) -> pa.StructArray:
    kept = batch.select([name for name in batch.schema.names if name != _PANDAS_INDEX])
    return pa.StructArray.from_arrays(kept.columns, fields=list(kept.schema))


def _conformed(array: pa.Array, wanted: pa.DataType, path: str, first: int) -> pa.Array:
    """`array`, the column `path`, with the type `wanted`; its first value is of row `first`."""
    if types.is_null(array.type):
        return pa.nulls(len(array), wanted)
    name = scalar(wanted)[0]
    if (found := "RECORD" if types.is_struct(array.type) else _name(array.type)) != name:
        raise invalid(f"Provided Schema does not match: Field {path} has changed type from {name} to {found}")
    if name == "RECORD":
        given = {part.name: column for part, column in zip(array.type.fields, array.flatten(), strict=True)}
        dots = path and f"{path}."
        if unknown := given.keys() - {part.name for part in wanted.fields}:
            raise invalid(f"Provided Schema does not match: Cannot add field {dots}{min(unknown)}")
        columns = [
            _conformed(given.get(part.name, pa.nulls(len(array))), part.type, dots + part.name, first)
            for part in wanted.fields
        ]
        return pa.StructArray.from_arrays(columns, fields=wanted.fields, mask=array.is_null())
    if name == "TIMESTAMP":
        _check_years(array, path, first)
        return array.cast(wanted, safe=False)  # cuts nanoseconds, as BigQuery does; the years show that none wraps
    return array.cast(wanted)


def _name(kind: pa.DataType) -> str:
    try:
        return scalar(kind)[0]
    except BigQueryError:
        return str(kind)


def _check_years(array: pa.TimestampArray, path: str, first: int) -> None:
    """Refuse a time that no download has. Compared as integers: a cast to another unit may wrap."""
    unit = array.type.unit
    start, end = (int(np.datetime64(year, unit).astype(np.int64)) for year in _YEARS)
    numbers = array.cast(pa.int64())
    wrong = pc.or_(pc.less(numbers, start), pc.greater_equal(numbers, end))
    at = pc.index(wrong, True).as_py()
    if at >= 0:
        moment = np.datetime64(numbers[at].as_py(), unit)
        raise invalid(f"row {first + at}: {path} {moment} is not from {_YEARS[0]} to {int(_YEARS[1]) - 1}")
