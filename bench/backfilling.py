"""Measures a backfill of a month of the sample through Dagster, compared with only the publications; and its bytes."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import psycopg
from google.cloud import bigquery

from bench.database import Database, database
from bench.figures import Figure
from pyzn_local.bigquery.server import Server
from pyzn_local.sample import day as sample_day
from pyzn_pipeline.source.connection import connect

FIRST = date(2026, 7, 1)
DAYS = 31
TABLE = "bigquery-public-data.pypi.file_downloads"
NEEDED = """
    SELECT timestamp, country_code, file.project, file.version, details.installer.name AS installer, details.python,
           details.system.name AS system, details.ci
    FROM `{table}` WHERE timestamp >= '{first}' AND timestamp < '{following}'
"""


def figures(size: float, folder: Path) -> Iterator[Figure]:
    """Both figures; with fewer days for a small size."""
    days = DAYS if size >= 1 else 7
    last = FIRST + timedelta(days=days - 1)
    with Server(folder / "bigquery") as source:
        for n in range(days):
            source.load(sample_day(FIRST + timedelta(days=n)))
        with database(folder / "bare") as own:
            bare = float(_backfill(own, source, "bare", last))
            with psycopg.connect(own.owner_url) as connection:
                found = connection.execute("SELECT sum(bytes_processed)::bigint FROM pyzn.days").fetchone()
        with database(folder / "dagster") as own:
            started = time.perf_counter()
            _backfill(own, source, "dagster", last)
            dagster = time.perf_counter() - started
        needed = _dry_run(source, last)
    yield Figure(
        f"backfill of {days} sample days through Dagster, from the start of its process",
        f"{dagster:.1f} s", f"{bare:.1f} s the days alone", dagster / bare, "≤ 1.3",
    )  # fmt: skip
    scanned = found[0] if found else 0
    yield Figure("bytes scanned", f"{scanned:,}", f"{needed:,} dry run of the columns", scanned / needed, "≤ 1.0")


def _backfill(own: Database, source: Server, how: str, last: date) -> str:
    settings = {
        "PYZN_DATABASE_URL": own.owner_url,
        "PYZN_DAGSTER_DATABASE_URL": own.dagster_url,
        "PYZN_BIGQUERY_PROJECT": "bench",
        "PYZN_BIGQUERY_TABLE": TABLE,
        "PYZN_BIGQUERY_ENDPOINT": source.endpoint,
        "PYZN_BIGQUERY_STORAGE_ENDPOINT": source.storage_endpoint,
        "PYZN_FIRST_DAY": str(FIRST),
    }
    command = [sys.executable, "-m", "bench.backfill_month", how, str(FIRST), str(last)]
    done = subprocess.run(command, env=os.environ | settings, check=True, capture_output=True, text=True)
    return done.stdout


def _dry_run(source: Server, last: date) -> int:
    """Bytes of one scan of the needed columns."""
    clients = connect("bench", "US", source.endpoint, source.storage_endpoint)
    query = NEEDED.format(table=TABLE, first=FIRST, following=last + timedelta(days=1))
    job = clients.jobs.query(query, job_config=bigquery.QueryJobConfig(dry_run=True, use_query_cache=False))
    clients.close()
    return int(job.total_bytes_processed)
