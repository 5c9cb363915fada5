"""Small days for tests: rows of downloads, and the Arrow batches that BigQuery would return for them."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple

import pyarrow as pa

from pyzn_local.bigquery.tables import FILE_DOWNLOADS
from pyzn_pipeline.breakdowns import (
    BREAKDOWNS,
    CI,
    DOWNLOADS,
    FILES,
    FILES_WITHOUT_MIRRORS,
    INSTALLER,
    INSTALLER_VERSION,
    MIRRORS,
    PIP,
    PYTHON,
    UNKNOWN,
    VERSION,
    VERSION_PYTHON,
    WHEEL,
    WITHOUT_MIRRORS,
    Breakdown,
    Contents,
    Count,
)
from pyzn_pipeline.source.scan import Scan, contents_of, schema
from tests.wheels import wheel_key


class Download(NamedTuple):
    """A row of file_downloads, as far as PyZn reads it, and how often it is there."""

    project: str
    version: str | None = "1.0"
    country: str | None = "US"
    pip: bool = True
    ci: bool = False
    installer: str | None = None  # other than pip
    python: str | None = None
    system: str | None = None
    filename: str | None = "name-1.0-py3-none-any.whl"
    times: int = 1
    libc: str | None = None
    cpu: str | None = None
    implementation: str | None = None


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
    batch = pa.RecordBatch.from_pylist(list(packed_rows(list(downloads), contents)), schema=schema(contents))
    return Scan(
        day=day,
        source="a.test.table",
        job_id=f"pyzn_{day:%Y%m%d}_test",
        batches=iter([batch]),
        contents=contents,
        **{"rows": batch.num_rows, "bytes_processed": 1000, "bytes_billed": 10 * 2**20} | changes,
    )


def packed_rows(downloads: list[Download], contents: Contents) -> Iterator[dict[str, Any]]:
    """The rows of a scan: one for each project, and that of the day, whose project is None."""
    by_project: dict[str | None, list[Download]] = {}
    for download in downloads:
        by_project.setdefault(download.project, []).append(download)
    for project, own in by_project.items():
        yield {"project": project, **_counts(own, contents), **_documents(own, contents.breakdowns), "by_hour": "{}"}
    number = sum(download.times for download in downloads)
    # As raw_rows spreads them: the first row at the beginning of the day, the last one at its end.
    begins = [*(min(-(-hour * max(number - 1, 1) // 24), number) for hour in range(24)), number]
    hours = Counter({str(n): begins[n + 1] - begins[n] for n in range(24) if begins[n + 1] > begins[n]})
    common = [breakdown for breakdown in contents.breakdowns if breakdown.common]
    others = [breakdown for breakdown in contents.breakdowns if not breakdown.common]
    of_day = _documents(downloads, common) | _documents([], others)
    yield {"project": None, **_counts(downloads, contents), **of_day, "by_hour": _packed(hours)}


def counts_for(count: Count, download: Download) -> bool:
    """Whether a row is one of those that `count` counts."""
    installer = download.installer or ("pip" if download.pip else None)
    is_file = (download.filename or "").lower().endswith((".whl", ".tar.gz", ".zip"))
    without_mirrors = installer is not None and installer not in MIRRORS
    return {
        DOWNLOADS: True,
        PIP: installer == "pip",
        CI: download.ci,
        FILES: is_file,
        WITHOUT_MIRRORS: without_mirrors,
        FILES_WITHOUT_MIRRORS: is_file and without_mirrors,
    }[count]


def key_of(breakdown: Breakdown, download: Download) -> str:
    """The key of a row."""
    if breakdown in (INSTALLER, INSTALLER_VERSION):  # which has none
        return download.installer or ("pip" if download.pip else UNKNOWN)
    if breakdown == PYTHON:
        minor = re.match(r"[0-9]+\.[0-9]+", download.python or "")
        return minor.group() if minor else UNKNOWN
    if breakdown == VERSION_PYTHON:
        return f"{key_of(PYTHON, download)} {key_of(VERSION, download)}"
    if breakdown == WHEEL:
        return wheel_key(download.filename)
    key: str | None = getattr(download, breakdown.name, None)
    return UNKNOWN if key is None else key


def _counts(downloads: list[Download], contents: Contents) -> dict[str, int]:
    counts = {
        count.column: sum(download.times for download in downloads if counts_for(count, download))
        for count in contents.counts
    }
    return counts | {"replaced_rows": 0}  # none of these has text that Postgres cannot store


def _documents(downloads: list[Download], breakdowns: Iterable[Breakdown]) -> dict[str, str]:
    documents: dict[str, str] = {}
    for breakdown in breakdowns:
        keys, *subsets = (
            _sums((key_of(breakdown, each), each.times) for each in downloads if counts_for(count, each))
            for count in breakdown.counts
        )
        of_subsets = [json.dumps([subset[key] for key in sorted(keys)], separators=(",", ":")) for subset in subsets]
        documents |= zip(breakdown.columns, [_packed(keys), *of_subsets], strict=True)
    return documents


def _sums(numbers: Iterable[tuple[str, int]]) -> Counter[str]:
    found: Counter[str] = Counter()
    for key, number in numbers:
        found[key] += number
    return found


def _packed(counts: Counter[str]) -> str:
    text = json.dumps({key: counts[key] for key in sorted(counts)}, ensure_ascii=False, separators=(",", ":"))
    return text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")  # as BigQuery's TO_JSON_STRING


def raw_rows(day: date, downloads: Iterable[Download]) -> pa.Table:
    """The same downloads as rows of `file_downloads`, spread over the whole UTC day, both of its ends included."""
    rows = [row for row in downloads for _ in range(row.times)]
    midnight = datetime.combine(day, time(), UTC)
    last = timedelta(days=1) - timedelta(microseconds=1)
    return pa.Table.from_pylist(
        [
            {
                "timestamp": midnight + last * n / max(len(rows) - 1, 1),
                "country_code": row.country,
                "project": row.project,
                "file": {"filename": row.filename, "project": row.project, "version": row.version},
                "details": {  # as linehaul writes it: no installer is NULL, not on CI is NULL
                    "installer": {"name": row.installer or "pip"} if row.installer or row.pip else None,
                    "python": row.python,
                    "system": {"name": row.system} if row.system else None,
                    "ci": row.ci or None,
                    "cpu": row.cpu,
                    "implementation": {"name": row.implementation} if row.implementation else None,
                    "distro": {"libc": dict(zip(("lib", "version"), row.libc.split(), strict=True))}
                    if row.libc
                    else None,
                },
            }
            for n, row in enumerate(rows)
        ],
        FILE_DOWNLOADS.schema,
    )
