"""Load jobs: append a Parquet file, uploaded whole or in chunks, to a table.

Protocols: https://cloud.google.com/bigquery/docs/reference/api-uploads
"""

from __future__ import annotations

import re
import threading
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from pyzn_local.bigquery.errors import invalid, not_found
from pyzn_local.bigquery.jobs import Job, Jobs, parse_reference
from pyzn_local.bigquery.loading import parquet_batches
from pyzn_local.bigquery.requests import only, read_json, section, words
from pyzn_local.bigquery.tables import LOCATION, find_table, missing_dataset
from pyzn_local.bigquery.warehouse import Warehouse

_FIELDS = words("sourceFormat destinationTable writeDisposition createDisposition parquetOptions ignoreUnknownValues")
_RANGE = re.compile(r"bytes (?:(?P<first>\d+)-(?P<last>\d+)|\*)/(?P<total>\d+|\*)")
_KEPT_UPLOADS = 100


@dataclass(slots=True)
class Upload:
    """A resumable upload: its job, and the bytes received so far."""

    project: str
    body: dict[str, Any]
    path: Path
    upload_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    received: int = 0  # bytes


class Loads:
    """Receives files and starts the jobs that load them."""

    def __init__(self, warehouse: Warehouse, jobs: Jobs, uploads_dir: Path) -> None:
        self._warehouse = warehouse
        self._jobs = jobs
        self._dir = uploads_dir
        self._uploads: dict[str, Upload] = {}
        self._lock = threading.Lock()

    def multipart(self, project: str, content_type: str, body: bytes) -> Job:
        """Start the job of a `multipart/related` request: its JSON, then its file.

        Raises:
            BigQueryError: 400 `invalid` for a malformed body, and as `_submit`.
        """
        boundary = re.search(r'boundary="?([^";]+)"?', content_type)
        if not content_type.startswith("multipart/related") or boundary is None:
            raise invalid(f"Invalid upload: Content-Type {content_type!r} is not multipart/related with a boundary")
        delimiter = b"--" + boundary[1].encode("latin-1")
        parts = body.split(delimiter, 2)  # at most 2 splits, because the file may contain the delimiter
        if len(parts) < 3:
            raise invalid("Invalid upload: expected two parts, the job and the file")
        _, _, metadata = parts[1].partition(b"\r\n\r\n")
        _, _, content = parts[2].partition(b"\r\n\r\n")
        content, _, _ = content.rpartition(b"\r\n" + delimiter + b"--")
        path = self._new_path()
        path.write_bytes(content)
        return self._submit(project, read_json(metadata), path)

    def begin(self, project: str, body: bytes) -> Upload:
        """Begin a resumable upload for the job in `body`."""
        upload = Upload(project, read_json(body), self._new_path())
        upload.path.touch()
        with self._lock:
            self._uploads[upload.upload_id] = upload
            for old in list(self._uploads)[:-_KEPT_UPLOADS]:
                self._uploads.pop(old).path.unlink(missing_ok=True)
        return upload

    def receive(self, upload_id: str, content_range: str, body: bytes) -> Upload | Job:
        """Take a chunk. Returns the upload while bytes are missing, and the started job after the last chunk.

        Raises:
            BigQueryError: 404 for an unknown upload, 400 for a range that does not continue it, and as `_submit`.
        """
        upload = self._uploads.get(upload_id)
        if upload is None:
            raise not_found(f"Not found: Upload {upload_id}")
        found = _RANGE.fullmatch(content_range)
        if found is None:
            raise invalid(f"Invalid Content-Range: {content_range!r}")
        if found["first"] is not None:
            if int(found["first"]) != upload.received or int(found["last"]) + 1 - int(found["first"]) != len(body):
                raise invalid(
                    f"Invalid Content-Range: {content_range!r} with {len(body)} bytes after {upload.received} bytes"
                )
            with upload.path.open("ab") as file:
                file.write(body)
            upload.received += len(body)
        if found["total"] == "*" or int(found["total"]) != upload.received:
            return upload
        with self._lock:
            self._uploads.pop(upload_id, None)
        return self._submit(upload.project, upload.body, upload.path)

    def _submit(self, project: str, body: dict[str, Any], path: Path) -> Job:
        """Start the load of `path`. The file is removed when the job ends, or at once if no job starts.

        Raises:
            BigQueryError: 400 `invalid` for options that are not supported, 404 for an unknown table, 409 when
                the job exists. Errors in the file make the job fail instead.
        """
        try:
            job_id, location = parse_reference(body)
            configuration = section(body, "configuration")
            options = section(configuration, "load")
            only(options, _FIELDS, "configuration.load")
            if options.get("sourceFormat") != "PARQUET":
                raise invalid(f"Source format {options.get('sourceFormat', 'CSV')} is not supported; load PARQUET")
            if options.get("writeDisposition", "WRITE_APPEND") != "WRITE_APPEND":
                raise invalid(f"Write disposition {options['writeDisposition']} is not supported; use WRITE_APPEND")
            target = section(options, "destinationTable")
            table = find_table(*(str(target.get(key)) for key in ("projectId", "datasetId", "tableId")))
            if location != LOCATION:
                raise missing_dataset(table.project, table.dataset, location)
            job = Job(project, location, job_id, "load", configuration, {})

            def run(job: Job, cursor: duckdb.DuckDBPyConnection) -> None:
                try:
                    size = path.stat().st_size
                    rows = self._warehouse.load(table, parquet_batches(path, table), cursor)
                    job.statistics |= {
                        "inputFiles": "1",
                        "inputFileBytes": str(size),
                        "outputRows": str(rows),
                        "outputBytes": str(size),
                        "badRecords": "0",
                    }
                finally:
                    path.unlink(missing_ok=True)

            self._jobs.start(job, run)
        except Exception:  # raised again below; the uploaded file must not be left behind
            path.unlink(missing_ok=True)
            raise
        return job

    def _new_path(self) -> Path:
        return self._dir / f"{uuid.uuid4().hex}.parquet"
