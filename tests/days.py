"""Small days for tests: rows of downloads, and the Arrow batches that BigQuery would return for them."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

import pyarrow as pa

from pyzn_pipeline.breakdowns import UNKNOWN
from pyzn_pipeline.source.scan import SCHEMA, Scan


class Download(NamedTuple):
    """One row of file_downloads, as far as PyZn reads it."""

    project: str
    version: str | None = "1.0"
    country: str | None = "US"
    pip: bool = True
    ci: bool = False


def scan_of(day: date, downloads: Iterable[Download], **changes: int) -> Scan:
    """The scan that a source with these downloads answers; `changes` replace what the job reports of itself."""
    batch = pa.RecordBatch.from_pylist(list(_rows(list(downloads))), schema=SCHEMA)
    reported = {"rows": batch.num_rows, "bytes_processed": 1000, "bytes_billed": 10 * 2**20} | changes
    return Scan(day=day, job_id=f"pyzn_{day:%Y%m%d}_test", batches=iter([batch]), **reported)


def _rows(downloads: list[Download]) -> Iterator[dict[str, object]]:
    by_project: dict[str, list[Download]] = {}
    for download in downloads:
        by_project.setdefault(download.project, []).append(download)
    for breakdown in ("version", "country"):
        for project, own in by_project.items():
            keys = [getattr(download, breakdown) or UNKNOWN for download in own]
            counts = Counter(keys)
            subsets = {
                name: Counter(key for key, download in zip(keys, own, strict=True) if getattr(download, name))
                for name in ("pip", "ci")
            }
            yield {
                "breakdown": breakdown,
                "project": project,
                "keys": len(counts),
                "downloads": len(own),
                "document": json.dumps({key: counts[key] for key in sorted(counts)}, separators=(",", ":")),
            } | {
                column: value
                for name, subset in subsets.items()
                for column, value in (
                    (f"{name}_downloads", subset.total()),
                    (
                        f"{name}_counts",
                        json.dumps([subset[key] for key in sorted(counts)], separators=(",", ":"))
                        if breakdown == "version"
                        else None,
                    ),
                )
            }
    yield {
        "breakdown": "day",
        "project": None,
        "keys": 1,
        "downloads": len(downloads),
        "pip_downloads": sum(download.pip for download in downloads),
        "ci_downloads": sum(download.ci for download in downloads),
    }
    countries = Counter(download.country or UNKNOWN for download in downloads)
    hours = Counter(  # as raw_rows spreads them
        str(min(n * 24 // max(len(downloads) - 1, 1), 23)) for n in range(len(downloads))
    )
    replaced = Counter({"false": len(downloads)})  # none of these has text that Postgres cannot carry
    for name, counts in (("day_by_country", countries), ("day_by_hour", hours), ("day_by_replaced", +replaced)):
        if counts:
            yield {
                "breakdown": name,
                "project": None,
                "keys": len(counts),
                "downloads": len(downloads),
                "pip_downloads": 0,
                "ci_downloads": 0,
                "document": json.dumps({key: counts[key] for key in sorted(counts)}, separators=(",", ":")),
            }


def raw_rows(day: date, downloads: Iterable[Download]) -> pa.Table:
    """The same downloads as rows of `file_downloads`, spread over the whole UTC day, both of its ends included."""
    rows = list(downloads)
    midnight = datetime.combine(day, time(), UTC)
    last = timedelta(days=1) - timedelta(microseconds=1)
    return pa.table(
        {
            "timestamp": pa.array(
                [midnight + last * n / max(len(rows) - 1, 1) for n in range(len(rows))], pa.timestamp("us", "UTC")
            ),
            "country_code": pa.array([row.country for row in rows], pa.string()),
            "project": pa.array([row.project for row in rows], pa.string()),
            "file": pa.array(
                [{"project": row.project, "version": row.version} for row in rows],
                pa.struct([("project", pa.string()), ("version", pa.string())]),
            ),
            "details": pa.array(
                # As linehaul writes it: no installer is NULL, not on CI is NULL.
                [{"installer": {"name": "pip"} if row.pip else None, "ci": row.ci or None} for row in rows],
                pa.struct([("installer", pa.struct([("name", pa.string())])), ("ci", pa.bool_())]),
            ),
        }
    )
