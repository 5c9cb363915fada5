"""One day, from the source to the tables: scan, stage, audit, publish. Knows nothing of Dagster."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date

import pandas as pd
from sqlalchemy import Connection, Engine

from pyzn_pipeline.audits import DAY, AuditFailed, Finding, audit
from pyzn_pipeline.breakdowns import BREAKDOWNS, COUNTRY, VERSION
from pyzn_pipeline.errors import PyznError
from pyzn_pipeline.soft_audits import WEEKS, Measures, soft_audit
from pyzn_pipeline.source.connection import Clients
from pyzn_pipeline.source.scan import Scan, scan
from pyzn_pipeline.store.database import statement
from pyzn_pipeline.store.errors import store_errors
from pyzn_pipeline.store.publication import Publication, day_locked, ensure_partitions, is_published, publish
from pyzn_pipeline.store.staging import stage
from pyzn_pipeline.tally import Counts, Tally


@dataclass(frozen=True)
class Ingested:
    """One day's result. `top` has project, downloads, pip_downloads, ci_downloads; `seconds` is by stage."""

    publication: Publication
    scan: Scan
    counts: dict[str, Counts]
    findings: list[Finding]
    top: pd.DataFrame
    seconds: dict[str, float] = field(default_factory=dict)


class WorseReading(PyznError):
    """What was read is worse than what is published, which stays."""

    passes = False


def ingest_day(
    day: date,
    clients: Clients,
    table: str,
    maximum_bytes_billed: int,
    engine: Engine,
    run_id: str,
    replace_better: bool = False,
) -> Ingested:
    """Read `day` at the source and publish it, or raise and leave the tables as they were.

    Raises SourceError, CostLimitExceeded, AuditFailed, WorseReading (unless `replace_better`),
    RetiredDay or StoreError, each naming the day. The day's rows pass through in batches; memory does
    not grow with the day.
    """
    seconds: dict[str, float] = {}
    with store_errors(f"day {day}"):
        ensure_partitions(engine, day)
        with day_locked(engine, day) as connection:
            with _timed(seconds, "scan"):
                scanned = scan(clients, table, day, maximum_bytes_billed)
            return publish_scan(connection, scanned, run_id, seconds, replace_better)


def publish_scan(
    connection: Connection, scanned: Scan, run_id: str, seconds: dict[str, float], replace_better: bool = False
) -> Ingested:
    """Stage, audit and publish a finished scan, in one transaction on the day's locked connection.

    Adds the seconds of its stages to `seconds`. Raises as `ingest_day` does.
    """
    with connection.begin(), Tally() as tally:
        again = is_published(connection, scanned.day)
        with _timed(seconds, "receive"):
            stage(connection, scanned.day, scanned.batches, tally, beside=again)
        with _timed(seconds, "audit"):
            counts = tally.counts
            hard = [f for b in BREAKDOWNS for f in audit(scanned.day, b, scanned.rows, counts)]
            if not all(finding.passed for finding in hard):
                raise AuditFailed(hard)
            soft, accepted = _judge(connection, scanned.day, counts, tally.profile, replace_better)
        with _timed(seconds, "publish"):
            columns = _ledger_columns(scanned, tally, run_id) | {"accepted_because": accepted}
            doubted = accepted is None and not all(finding.passed for finding in soft)
            publication = publish(connection, columns, tally.profile, suspect=doubted, again=again)
    return Ingested(publication, scanned, counts, hard + soft, tally.top, seconds)


def _judge(
    connection: Connection, day: date, counts: dict[str, Counts], profile: dict[str, str], replace_better: bool
) -> tuple[list[Finding], str | None]:
    """The soft findings of the staged day, and why a person accepted them, if one did when it was published before.

    Both readings, the staged and the published, are held against the same weeks. The staged one is
    worse if it fails an audit that the published one passes, or, with no such difference, has fewer
    downloads: downloads are only ever added to a day. Raises WorseReading then, unless `replace_better`.
    """
    weeks = pd.read_sql(statement("baseline_days"), connection, params={"day": day, "weeks": WEEKS})
    before, published = weeks[weeks["day"] != day], weeks[weeks["day"] == day]
    versions = counts[VERSION.name]
    staged = Measures(
        day,
        versions.downloads,
        versions.rows,
        json.loads(profile["by_country"]),
        json.loads(profile["by_hour"]),
    )
    findings = soft_audit(staged, before)
    if published.empty:
        return findings, None
    row = published.iloc[0]
    old = Measures(day, row["downloads"], row["projects"], row["by_country"] or {}, row["by_hour"] or {})
    failed, failed_before = (
        {finding.audit: finding.message for finding in found if not finding.passed}
        for found in (findings, soft_audit(old, before))
    )
    new_doubts = [message for name, message in failed.items() if name not in failed_before]
    fewer = staged.downloads < old.downloads and failed.keys() == failed_before.keys()
    if (new_doubts or fewer) and not replace_better:
        because = "; ".join(
            new_doubts or [f"it has {staged.downloads:,} downloads, {old.downloads - staged.downloads:,} fewer"]
        )
        raise WorseReading(
            f"day {day}: what the source gives now is worse than revision {row['revision']} with its "
            f"{old.downloads:,} downloads: {because}; not published. If the source is right now: "
            f"pyzn backfill --replace-better {day} {day}"
        )
    return findings, None if new_doubts else row["accepted_because"]


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
