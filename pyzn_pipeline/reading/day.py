"""Reads one day from the source into the tables: scan, stage, audit, publish. Does not use Dagster."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date

import pandas as pd
from sqlalchemy import Connection, Engine

from pyzn_pipeline.breakdowns import BREAKDOWNS, COUNTRY, VERSION
from pyzn_pipeline.reading.audits import DAY, AuditFailed, Finding, audit
from pyzn_pipeline.reading.judgement import judge
from pyzn_pipeline.reading.tally import Counts, Tally
from pyzn_pipeline.source.connection import Clients
from pyzn_pipeline.source.scan import Scan, scan
from pyzn_pipeline.store.errors import store_errors
from pyzn_pipeline.store.locks import day_locked
from pyzn_pipeline.store.partitions import ensure_partitions
from pyzn_pipeline.store.publication import Publication, is_published, publish
from pyzn_pipeline.store.staging import stage


@dataclass(frozen=True)
class Ingested:
    """The result of reading one day.

    `top` has project, downloads, pip_downloads, ci_downloads; `replaced_rows` counts the source's rows with text that
    Postgres cannot store; `seconds` is by stage.
    """

    publication: Publication
    scan: Scan
    counts: dict[str, Counts]
    findings: list[Finding]
    top: pd.DataFrame
    replaced_rows: int
    seconds: dict[str, float] = field(default_factory=dict)


def ingest_day(
    day: date,
    clients: Clients,
    table: str,
    maximum_bytes_billed: int,
    engine: Engine,
    run_id: str,
    accept_worse: bool = False,
) -> Ingested:
    """Read `day` from the source and publish it, or raise and leave the tables unchanged.

    Raises SourceError, CostLimitExceeded, AuditFailed, WorseReading (unless `accept_worse`),
    RetiredDay or StoreError; each names the day. The rows are streamed in batches, so memory does not
    grow with the day.
    """
    seconds: dict[str, float] = {}
    with store_errors(f"day {day}"):
        ensure_partitions(engine, day)
        with day_locked(engine, day) as connection:
            with _timed(seconds, "scan"):
                scanned = scan(clients, table, day, maximum_bytes_billed)
            return publish_scan(connection, scanned, run_id, seconds, accept_worse)


def publish_scan(
    connection: Connection, scanned: Scan, run_id: str, seconds: dict[str, float], accept_worse: bool = False
) -> Ingested:
    """Stage, audit and publish a finished scan, in one transaction on the connection that holds the day's lock.

    Adds the seconds of its stages to `seconds`. Raises as `ingest_day` does.
    """
    with connection.begin(), Tally() as tally:
        again = is_published(connection, scanned.day)
        with _timed(seconds, "receive"):
            stage(connection, scanned.day, scanned.batches, tally.add, beside=again)
        with _timed(seconds, "audit"):
            counts = tally.counts
            hard = [f for b in BREAKDOWNS for f in audit(scanned.day, b, scanned.rows, counts)]
            if not all(finding.passed for finding in hard):
                raise AuditFailed(hard)
            soft, accepted = judge(connection, scanned.day, counts, tally.profile, accept_worse)
        with _timed(seconds, "publish"):
            columns = _ledger_columns(scanned, tally, run_id) | {"accepted_because": accepted}
            doubted = accepted is None and not all(finding.passed for finding in soft)
            publication = publish(connection, columns, tally.profile, suspect=doubted, again=again)
    return Ingested(publication, scanned, counts, hard + soft, tally.top, tally.replaced_rows, seconds)


def _ledger_columns(scanned: Scan, tally: Tally, run_id: str) -> dict[str, object]:
    counts = tally.counts
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
        "checksum": tally.checksum,
        "replaced_rows": tally.replaced_rows,
        "bigquery_job": scanned.job_id,
        "bytes_processed": scanned.bytes_processed,
        "bytes_billed": scanned.bytes_billed,
        "run_id": run_id,
        "read_at": scanned.began_at,
    }


@contextmanager
def _timed(seconds: dict[str, float], stage_name: str) -> Iterator[None]:
    start = time.monotonic()
    yield
    seconds[stage_name] = round(time.monotonic() - start, 3)
