"""INFORMATION_SCHEMA.PARTITIONS: the rows of each partition, as its documentation says.

https://cloud.google.com/bigquery/docs/information-schema-partitions; never compared with Google's own.
"""

import pytest
from google.api_core.exceptions import Forbidden
from google.cloud import bigquery

from tests.local.conftest import MONDAY, ODD_DAY, SUNDAY, Connected, odd_rows, sampled

VIEW = "`bigquery-public-data.pypi.INFORMATION_SCHEMA.PARTITIONS`"
STORED = f"SELECT partition_id, total_rows FROM {VIEW} WHERE table_name = 'file_downloads'"
MIB = 2**20


def test_every_partition_has_its_rows_and_bytes(bq: Connected) -> None:
    names = bq.rows(f"SELECT DISTINCT table_catalog, table_schema, table_name FROM {VIEW}")
    assert names == [("bigquery-public-data", "pypi", "file_downloads")]
    assert dict(bq.rows(STORED)) == {
        f"{ODD_DAY:%Y%m%d}": len(odd_rows()),
        f"{SUNDAY:%Y%m%d}": sampled(SUNDAY).num_rows,
        f"{MONDAY:%Y%m%d}": sampled(MONDAY).num_rows,
    }
    everything = "SELECT * FROM {table} WHERE DATE(timestamp) = '2026-07-01'"
    whole = bq.query(everything, job_config=bigquery.QueryJobConfig(dry_run=True))
    assert bq.partitions()[f"{ODD_DAY:%Y%m%d}"] == (len(odd_rows()), whole.total_bytes_processed)


def test_it_bills_the_minimum_however_many_rows_there_are(bq: Connected) -> None:
    dry = bq.query(STORED, job_config=bigquery.QueryJobConfig(dry_run=True))
    assert dry.total_bytes_processed == 0
    job = bq.query(STORED)
    job.result()
    assert (job.total_bytes_processed, job.total_bytes_billed) == (0, 10 * MIB)


def test_who_may_not_see_it_can_still_query_the_table(own_bq: Connected) -> None:
    own_bq.server.inject({"deny_metadata": True})
    for dry_run in (False, True):
        with pytest.raises(Forbidden, match=r"Access Denied: Table bigquery-public-data:pypi\.INFORMATION_SCHEMA"):
            own_bq.query(STORED, job_config=bigquery.QueryJobConfig(dry_run=dry_run), retry=None, job_retry=None)
    assert own_bq.rows("SELECT COUNT(*) FROM {table} WHERE DATE(timestamp) = '2026-07-06'")
    own_bq.server.inject({})
    assert own_bq.rows(STORED)


def test_streamed_rows_are_in_the_table_before_they_are_in_a_partition(own_bq: Connected) -> None:
    total = sampled(MONDAY).num_rows
    own_bq.server.inject({"unpartitioned_rows": 3})
    assert dict(own_bq.rows(STORED)) == {f"{MONDAY:%Y%m%d}": total - 3, "__UNPARTITIONED__": 3}
    assert own_bq.rows("SELECT COUNT(*) FROM {table} WHERE DATE(timestamp) = '2026-07-06'") == [(total,)]
