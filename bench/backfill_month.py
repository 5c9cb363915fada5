"""Reads and publishes a range of days in a separate process, with the settings of the environment.

    python -m bench.backfill_month dagster|bare FIRST LAST

`dagster`: one run of the range, as a backfill launches it. `bare`: day after day without Dagster; prints the
seconds that it took, without start-up time.
"""

import sys
import time
from datetime import date, timedelta
from tempfile import TemporaryDirectory

from dagster import DagsterInstance, materialize

from pyzn_pipeline.breakdowns import BREAKDOWNS
from pyzn_pipeline.definitions import build_defs
from pyzn_pipeline.reading.day import ingest_day
from pyzn_pipeline.settings import Settings, load
from pyzn_pipeline.source.bigquery import BigQuery
from pyzn_pipeline.source.connection import connect
from pyzn_pipeline.store.database import engine


def through_dagster(settings: Settings, first: date, last: date) -> None:
    """One run, with Dagster's storage in Postgres as in production."""
    defs = build_defs(settings)
    storage = {"storage": {"postgres": {"postgres_url": {"env": "PYZN_DAGSTER_DATABASE_URL"}}}}
    with TemporaryDirectory() as folder, DagsterInstance.local_temp(folder, overrides=storage) as instance:
        materialize(
            list(defs.assets or []),  # type: ignore[arg-type]  # specs and definitions, like those of Definitions
            resources=dict(defs.resources or {}),
            selection=[breakdown.view for breakdown in BREAKDOWNS],  # like their backfill, without the summaries
            instance=instance,
            tags={"dagster/asset_partition_range_start": str(first), "dagster/asset_partition_range_end": str(last)},
        )


def bare(settings: Settings, first: date, last: date) -> float:
    """Read and publish all days, and return the seconds."""
    clients = connect(
        settings.bigquery_project,
        settings.bigquery_location,
        settings.bigquery_endpoint,
        settings.bigquery_storage_endpoint,
    )
    store = engine(settings.database_url)
    started = time.perf_counter()
    for n in range((last - first).days + 1):
        ingest_day(
            first + timedelta(days=n),
            BigQuery(clients, settings.bigquery_table, settings.maximum_bytes_billed),
            store,
            "bench",
        )
    return time.perf_counter() - started


def main(how: str, first: str, last: str) -> None:
    """Run what the command line says."""
    settings, days = load(Settings), (date.fromisoformat(first), date.fromisoformat(last))
    if how == "bare":
        sys.stdout.write(f"{bare(settings, *days)}\n")
    else:
        through_dagster(settings, *days)


if __name__ == "__main__":
    main(*sys.argv[1:])
