"""The source's current count of downloads by day. Does not read the rows."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from importlib.resources import files
from string import Template

from google.cloud import bigquery

from pyzn_pipeline.days import spans
from pyzn_pipeline.source.connection import Clients
from pyzn_pipeline.source.errors import CostLimitExceeded, source_errors
from pyzn_pipeline.source.scan import PATIENCE, QUERY_TIMEOUT


def count_days(
    clients: Clients, table: str, days: Sequence[date], maximum_bytes_billed: int
) -> tuple[dict[date, int], int]:
    """Each day's COUNT(*), 0 included, and the bytes billed for all of them.

    One query for each range of consecutive days. Raises SourceError, and CostLimitExceeded before anything is
    billed if all days together would bill more than `maximum_bytes_billed` for each day.
    """
    estimated, limit = estimate_count(clients, table, days), maximum_bytes_billed * len(days)
    if estimated > limit:
        raise CostLimitExceeded(
            f"recount of {len(days)} days: it would bill {estimated:,} bytes, the limit is {limit:,}; not run. "
            "Raise PYZN_MAXIMUM_BYTES_BILLED to allow it"
        )
    counts = dict.fromkeys(days, 0)
    billed = 0
    for first, last in spans(days):
        config = _config(first, last)
        config.maximum_bytes_billed = limit
        with source_errors(f"recount of {first} to {last}"):
            job = clients.jobs.query(_query(table), job_config=config, job_id_prefix="pyzn_count_", retry=PATIENCE)
            rows = job.result(timeout=QUERY_TIMEOUT, retry=PATIENCE)
            counts |= {row.day: row.downloads for row in rows}
            billed += int(job.total_bytes_billed or 0)
    return counts, billed


def estimate_count(clients: Clients, table: str, days: Sequence[date]) -> int:
    """Bytes that `count_days` would process, by dry runs, which are free. Raises SourceError."""
    estimated = 0
    for first, last in spans(days):
        config = _config(first, last)
        config.dry_run = True
        with source_errors(f"cost of a recount of {first} to {last}"):
            job = clients.jobs.query(_query(table), job_config=config, retry=PATIENCE, job_retry=None)
            estimated += int(job.total_bytes_processed or 0)
    return estimated


def _query(table: str) -> str:
    return Template(files(__package__).joinpath("count_days.sql").read_text(encoding="utf-8")).substitute(table=table)


def _config(first: date, last: date) -> bigquery.QueryJobConfig:
    return bigquery.QueryJobConfig(
        query_parameters=[
            bigquery.ScalarQueryParameter("start", "TIMESTAMP", datetime.combine(first, time(), UTC)),
            bigquery.ScalarQueryParameter("end", "TIMESTAMP", datetime.combine(last + timedelta(days=1), time(), UTC)),
        ],
        use_query_cache=False,  # the current table, not a cached result
        job_timeout_ms=QUERY_TIMEOUT * 1000,
    )
