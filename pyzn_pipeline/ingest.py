"""One day, from the source to the tables: scan, stage, audit, publish. Knows nothing of Dagster."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

import pandas as pd
from sqlalchemy import Connection, Engine

from pyzn_pipeline.audits import DAY, AuditFailed, Finding, audit
from pyzn_pipeline.breakdowns import BREAKDOWNS, COUNTRY, VERSION
from pyzn_pipeline.source.connection import Clients
from pyzn_pipeline.source.scan import SCHEMA, Scan, scan
from pyzn_pipeline.store.database import statement
from pyzn_pipeline.store.errors import store_errors
from pyzn_pipeline.store.publication import Publication, day_locked, ensure_partitions, publish
from pyzn_pipeline.store.staging import Counts, count, stage

TOP_PROJECTS = 10


@dataclass(frozen=True)
class Ingested:
    """One day's result. `top` has project, downloads, pip_downloads, ci_downloads; `seconds` is by stage."""

    publication: Publication
    scan: Scan
    counts: dict[str, Counts]
    findings: list[Finding]
    top: pd.DataFrame
    seconds: dict[str, float] = field(default_factory=dict)


def ingest_day(
    day: date, clients: Clients, table: str, maximum_bytes_billed: int, engine: Engine, run_id: str
) -> Ingested:
    """Read `day` at the source and publish it, or raise and leave the tables as they were.

    Raises SourceError, CostLimitExceeded, AuditFailed or StoreError, each naming the day. The day's
    rows pass through in batches; memory does not grow with the day.
    """
    seconds: dict[str, float] = {}
    with store_errors(f"day {day}"):
        ensure_partitions(engine, day)
        with day_locked(engine, day) as connection:
            with _timed(seconds, "scan"):
                scanned = scan(clients, table, day, maximum_bytes_billed)
            return publish_scan(connection, scanned, run_id, seconds)


def publish_scan(connection: Connection, scanned: Scan, run_id: str, seconds: dict[str, float]) -> Ingested:
    """Stage, audit and publish a finished scan, in one transaction on the day's locked connection.

    Adds the seconds of its stages to `seconds`. Raises as `ingest_day` does.
    """
    with connection.begin():
        with _timed(seconds, "receive"):
            stage(connection, SCHEMA, scanned.batches)
        with _timed(seconds, "audit"):
            counts = count(connection)
            findings = [f for b in BREAKDOWNS for f in audit(scanned.day, b, scanned.rows, counts)]
        if not all(finding.passed for finding in findings):
            raise AuditFailed(findings)
        with _timed(seconds, "publish"):
            publication = publish(connection, _ledger_columns(scanned, counts, run_id), datetime.now(UTC))
        top = pd.read_sql(statement("top_staged"), connection, params={"rows": TOP_PROJECTS})
    return Ingested(publication, scanned, counts, findings, top, seconds)


def _ledger_columns(scanned: Scan, counts: dict[str, Counts], run_id: str) -> dict[str, object]:
    versions, countries = counts[VERSION.name], counts[COUNTRY.name]
    return {
        "day": scanned.day,
        "source_downloads": counts[DAY].downloads,
        "downloads": versions.packed_downloads,
        "pip_downloads": versions.pip_downloads,
        "ci_downloads": versions.ci_downloads,
        "projects": versions.rows,
        "project_versions": versions.keys,
        "project_countries": countries.keys,
        "bigquery_job": scanned.job_id,
        "bytes_processed": scanned.bytes_processed,
        "bytes_billed": scanned.bytes_billed,
        "run_id": run_id,
    }


@contextmanager
def _timed(seconds: dict[str, float], stage_name: str) -> Iterator[None]:
    start = time.monotonic()
    yield
    seconds[stage_name] = round(time.monotonic() - start, 3)
