"""Reads one day from the source into the tables: scan, stage, audit, publish. Does not use Dagster."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from sqlalchemy import Connection, Engine, text

from pyzn_pipeline import calendar
from pyzn_pipeline.breakdowns import KNOWN_COUNTS
from pyzn_pipeline.days import ensure_readable
from pyzn_pipeline.reading.audits import AuditFailed, Finding, NoRows, audit
from pyzn_pipeline.reading.judgement import held_breakdowns, judge, name_events
from pyzn_pipeline.reading.tally import Tally
from pyzn_pipeline.source.count import MIRROR, SCAN
from pyzn_pipeline.source.protocol import Source
from pyzn_pipeline.source.scan import ExporterRow, Scan
from pyzn_pipeline.store.errors import store_errors
from pyzn_pipeline.store.locks import days_locked
from pyzn_pipeline.store.partitions import ensure_partition
from pyzn_pipeline.store.publication import Publication, is_published, publish
from pyzn_pipeline.store.staging import stage


@dataclass(frozen=True)
class DayReading:
    """The result of reading one day.

    `seconds` is by stage.
    """

    publication: Publication
    scan: Scan
    tally: Tally
    findings: list[Finding]
    seconds: dict[str, float] = field(default_factory=dict)


def ingest_day(
    day: date,
    source: Source,
    engine: Engine,
    run_id: str,
    accept_worse: bool = False,
) -> DayReading:
    """Read `day` from the source and publish it, or raise and leave the tables unchanged.

    Raises DaysRefused unless the day is over, SourceError, CostLimitExceeded, StorageError, DamagedExport, AuditFailed,
    WorseReading and OlderIndex (unless `accept_worse`), RetiredDay or StoreError; each names the day. The rows are
    streamed in batches, so memory does not grow with the day.
    """
    ensure_readable(day)
    seconds: dict[str, float] = {}
    with store_errors(f"day {day}"):
        ensure_partition(engine, day)
        with days_locked(engine, day, day) as connection, ExitStack() as stack:
            with _timed(seconds, "scan"):
                with connection.begin():
                    held = held_breakdowns(connection, day)
                    # By the clock of the requests that this reading serves: this machine's may be behind it.
                    began_at = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
                scanned = stack.enter_context(source.scanned(day, held))
            return publish_scan(connection, scanned, began_at, run_id, seconds, accept_worse)


def publish_scan(
    connection: Connection,
    scanned: Scan,
    began_at: datetime,
    run_id: str,
    seconds: dict[str, float],
    accept_worse: bool = False,
) -> DayReading:
    """Stage, audit and publish a finished scan, in one transaction on the connection that holds the day's lock.

    The scan has seen every row that the source had at `began_at`. Adds the seconds of the stages to `seconds`. Raises
    as `ingest_day` does.
    """
    exporter = scanned.exporter
    with connection.begin(), Tally(scanned.contents) as tally:
        again = is_published(connection, scanned.day)
        with _timed(seconds, "receive"):
            stage(connection, scanned.day, scanned.batches, scanned.contents, tally.add, beside=again)
        with _timed(seconds, "audit"):
            hard = audit(scanned.day, scanned.contents.breakdowns, scanned.rows, tally)
            if not all(finding.passed for finding in hard):
                # Rows arrive for a week: until then, an empty day is tried again.
                empty = tally.of_day["downloads"] == 0 and calendar.settled(scanned.day, datetime.now(UTC))
                raise (NoRows if empty else AuditFailed)(hard)
            if exporter:
                exporter.compare(connection, tally.checksum, accept_worse)
            soft, accepted = judge(connection, scanned.day, tally, accept_worse)
            soft = name_events(connection, scanned.day, soft)
        with _timed(seconds, "publish"):
            accepted = accepted or (exporter.accepted_because if exporter else None)
            columns = _ledger_columns(scanned, tally, began_at, run_id)
            columns |= {"suspect_because": None if accepted else _doubts(exporter, soft), "accepted_because": accepted}
            final = exporter.status == "final" if exporter else None
            publication = publish(connection, columns, _breakdowns(scanned, tally), again=again, final=final)
    return DayReading(publication, scanned, tally, hard + soft, seconds)


def _doubts(exporter: ExporterRow | None, findings: list[Finding]) -> str | None:
    """Return the exporter's doubts of the day, or the messages of the failed findings, for readers of the ledger."""
    if exporter and exporter.status == "suspect":
        return exporter.suspect_because or "the exporter doubts it"
    failed = (finding for finding in findings if not finding.passed)
    return "; ".join(f"{finding.audit.replace('_', ' ')}: {finding.message}" for finding in failed) or None


def _ledger_columns(scanned: Scan, tally: Tally, began_at: datetime, run_id: str) -> dict[str, object]:
    exporter = scanned.exporter
    return {
        "day": scanned.day,
        "source_downloads": tally.of_day["downloads"],
        **{count.column: None for count in KNOWN_COUNTS},  # NULL is what the day lacks
        **tally.of_projects,
        "projects": tally.projects,
        "checksum": tally.checksum,
        "by_hour": tally.by_hour,
        "replaced_rows": tally.replaced_rows,
        "source": scanned.source,
        "bigquery_job": scanned.job_id,
        "mirrored_revision": exporter.revision if exporter else None,
        "mirrored_status": exporter.status if exporter else None,
        "source_recount": exporter.source_recount if exporter else tally.of_day["downloads"],
        "recounted_at": exporter.recounted_at if exporter else None,
        "recounted_by": MIRROR if exporter else SCAN,
        "bytes_processed": scanned.bytes_processed,
        "bytes_billed": scanned.bytes_billed,
        "run_id": run_id,
        "read_at": began_at,
    }


def _breakdowns(scanned: Scan, tally: Tally) -> list[dict[str, object]]:
    """The ledger's row for each breakdown."""
    return [
        {
            "breakdown": breakdown.name,
            "source_downloads": tally.of_day[breakdown.counted.column],
            "downloads": tally.packed[breakdown.name].sums[breakdown.counted.column],
            "project_keys": tally.packed[breakdown.name].keys,
            "pypi_totals": tally.pypi_totals.get(breakdown.name),
        }
        for breakdown in scanned.contents.breakdowns
    ]


@contextmanager
def _timed(seconds: dict[str, float], stage_name: str) -> Iterator[None]:
    start = time.monotonic()
    yield
    seconds[stage_name] = round(time.monotonic() - start, 3)
