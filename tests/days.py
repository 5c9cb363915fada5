"""Small days for tests: downloads, as rows of file_downloads and as the scan that BigQuery would return for them."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple

import pyarrow as pa

from pyzn_local.bigquery.tables import FILE_DOWNLOADS
from pyzn_pipeline.breakdowns import BREAKDOWNS, Breakdown
from pyzn_pipeline.source.scan import Scan, contents_of, schema
from tests.counted import by_name, expected


class Download(NamedTuple):
    """A row of file_downloads, as far as PyZn reads it, and how often it is there."""

    project: str
    version: str | None = "1.0"
    country: str | None = "US"
    ci: bool = False
    installer: str | None = "pip"
    python: str | None = None
    system: str | None = None
    filename: str | None = "name-1.0-py3-none-any.whl"
    times: int = 1
    libc: str | None = None  # with its version
    cpu: str | None = None
    implementation: str | None = None
    installer_version: str | None = None
    distro: str | None = None


def some(**counts: int) -> list[Download]:
    """Return that many downloads of each project."""
    return [Download(project, times=count) for project, count in counts.items()]


def scan_of(
    day: date,
    downloads: Iterable[Download],
    *,
    files: bool = True,
    breakdowns: tuple[Breakdown, ...] = BREAKDOWNS,
    **changes: int,
) -> Scan:
    """The scan that a source with these downloads answers; `changes` replace what the job reports of itself.

    Without `files` it was made without file names.
    """
    contents = contents_of("TRUE" if files else None, breakdowns)
    found = expected(scanned(day, downloads), day, by_name if files else None, breakdowns)
    batch = pa.RecordBatch.from_pylist(found, schema=schema(contents))
    return Scan(
        day=day,
        source="a.test.table",
        job_id=f"pyzn_{day:%Y%m%d}_test",
        batches=iter([batch]),
        contents=contents,
        **{"rows": batch.num_rows, "bytes_processed": 1000, "bytes_billed": 10 * 2**20} | changes,
    )


def scanned(day: date, downloads: Iterable[Download]) -> list[dict[str, Any]]:
    """The downloads as tests/counted.py counts them, in the first hour of the day."""
    midnight = datetime.combine(day, time(), UTC)
    return [raw_row(each, midnight) | {"times": each.times} for each in downloads]


def raw_row(download: Download, at: datetime | None = None) -> dict[str, Any]:
    """A row of `file_downloads` as linehaul writes it: no installer is NULL, not on CI is NULL."""
    installer, distro = download.installer, download.distro
    lib, _, version = (download.libc or "").partition(" ")
    libc = {"lib": lib, "version": version or None} if lib else None
    return {
        "timestamp": at,
        "country_code": download.country,
        "project": download.project,
        "file": {"filename": download.filename, "project": download.project, "version": download.version},
        "details": {
            "installer": {"name": installer, "version": download.installer_version} if installer else None,
            "python": download.python,
            "system": {"name": download.system} if download.system else None,
            "ci": download.ci or None,
            "cpu": download.cpu,
            "implementation": {"name": download.implementation} if download.implementation else None,
            "distro": {"name": distro, "libc": libc} if distro or libc else None,
        },
    }


def raw_rows(day: date, downloads: Iterable[Download]) -> pa.Table:
    """The same downloads as rows of `file_downloads`, spread over the whole UTC day, both of its ends included."""
    rows = [row for row in downloads for _ in range(row.times)]
    midnight = datetime.combine(day, time(), UTC)
    last = timedelta(days=1) - timedelta(microseconds=1)
    return table_of(raw_row(row, midnight + last * n / max(len(rows) - 1, 1)) for n, row in enumerate(rows))


def table_of(rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    """Rows of `file_downloads`, of which a column that is left out is NULL, as the emulator loads them."""
    return pa.Table.from_pylist(list(rows), FILE_DOWNLOADS.schema)
