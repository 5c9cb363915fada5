"""Queries of BigQuery: priced by a dry run, or run under a limit of bytes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from importlib.resources import files
from string import Template
from typing import Any

from google.cloud import bigquery
from google.cloud.bigquery.retry import DEFAULT_RETRY
from google.cloud.bigquery.table import RowIterator

from pyzn_pipeline.settings import TIB
from pyzn_pipeline.source.connection import Clients

QUERY_TIMEOUT = 30 * 60  # seconds; a scan of all PyPI takes one or two minutes
RETRY = DEFAULT_RETRY.with_timeout(2 * 60)  # seconds of retrying one request; the library's default is 10 minutes
MIN_BYTES_BILLED = 10 * 2**20  # BigQuery bills at least 10 MiB per table, https://cloud.google.com/bigquery/pricing


@dataclass(frozen=True)
class Query:
    """SQL for BigQuery, and its parameters: texts and times. The ids of its jobs begin with pyzn_`name`."""

    name: str
    sql: str
    parameters: Mapping[str, str | datetime]

    def price(self, clients: Clients) -> int:
        """Return the bytes that it would bill, by a dry run, which is free.

        BigQuery bills the bytes of the columns in the partitions that a query reads
        (https://cloud.google.com/bigquery/docs/estimate-costs), so a range of days costs the sum of its days.
        """
        job = clients.jobs.query(self.sql, job_config=self._config(dry_run=True), retry=RETRY, job_retry=None)
        return max(int(job.total_bytes_processed or 0), MIN_BYTES_BILLED)

    def start(self, clients: Clients, maximum_bytes_billed: int) -> bigquery.QueryJob:
        """Start a job, which BigQuery refuses if it would bill more than that."""
        config = self._config(maximum_bytes_billed=maximum_bytes_billed)
        # A prefix, not an id: with a fixed id the client could not run a failed job again.
        return clients.jobs.query(self.sql, job_config=config, job_id_prefix=f"pyzn_{self.name}_", retry=RETRY)

    def _config(self, **options: Any) -> bigquery.QueryJobConfig:
        return bigquery.QueryJobConfig(
            query_parameters=[
                bigquery.ScalarQueryParameter(name, "STRING" if isinstance(value, str) else "TIMESTAMP", value)
                for name, value in self.parameters.items()
            ],
            use_query_cache=False,  # the current table, not a cached result
            job_timeout_ms=QUERY_TIMEOUT * 1000,  # or a job that nobody waits for any more would run on and be billed
            **options,
        )


def rows_of(job: bigquery.QueryJob) -> RowIterator:
    """Wait until the job has finished, and return its rows."""
    return job.result(timeout=QUERY_TIMEOUT, retry=RETRY)


def sql_of(file: str, **names: str) -> str:
    """Return the SQL of a file of this folder; the names after a dollar sign are filled."""
    return Template(files(__package__).joinpath(file).read_text(encoding="utf-8")).substitute(names)


def bounds(first: date, last: date) -> dict[str, datetime]:
    """Return the parameters @start and @end (exclusive) of the UTC days from `first` to `last`."""
    return {
        "start": datetime.combine(first, time(), UTC),
        "end": datetime.combine(last + timedelta(days=1), time(), UTC),
    }


def usd(billed: int, usd_per_tib: float) -> float:
    """US dollars for `billed` bytes."""
    return billed / TIB * usd_per_tib
