"""Injected faults reach the real clients as BigQuery's own, and end when they should."""

import pytest
from google.api_core.exceptions import BadRequest, Forbidden, ServiceUnavailable
from google.cloud.bigquery import DEFAULT_RETRY
from pydantic import ValidationError

from tests.local.conftest import MONDAY, Connected, sampled

ROWS = "SELECT timestamp, file.project FROM {table} WHERE DATE(timestamp) = '2026-07-06' ORDER BY timestamp"
QUICK = DEFAULT_RETRY.with_delay(initial=0.01, maximum=0.02)
TOTAL = sampled(MONDAY).num_rows


def test_a_client_gets_through_after_a_few_503s(own_bq: Connected) -> None:
    own_bq.server.inject({"refuse": [{"route": "jobs.insert", "status": 503, "times": 2}]})
    with pytest.raises(ServiceUnavailable, match="Injected fault: backendError"):
        own_bq.query("SELECT 1", retry=None, job_retry=None)
    assert len(list(own_bq.query("SELECT 1", retry=QUICK).result())) == 1  # meets the second, then none


def test_a_job_can_start_and_then_fail(own_bq: Connected) -> None:
    own_bq.server.inject({"refuse": [{"route": "job", "status": 403, "reason": "quotaExceeded"}]})
    job = own_bq.query("SELECT 1")
    with pytest.raises(Forbidden, match="quotaExceeded"):
        job.result(job_retry=None)
    job.reload()  # the error may have come with the results, before the job was looked at
    assert job.error_result is not None
    assert job.error_result["reason"] == "quotaExceeded"


def test_a_query_that_sorts_its_whole_result_exceeds_resources(own_bq: Connected) -> None:
    own_bq.server.inject({"sort_exceeds_resources": True})
    job = own_bq.query(ROWS)
    with pytest.raises(BadRequest, match="Resources exceeded during query execution"):
        job.result()
    job.reload()
    assert job.error_result is not None
    assert (job.state, job.error_result["reason"]) == ("DONE", "resourcesExceeded")
    assert job.total_bytes_processed > job.total_bytes_billed == 0
    assert own_bq.rows(ROWS + " LIMIT 3")


def test_a_cut_stream_is_resumed_without_losing_or_doubling_a_row(own_bq: Connected) -> None:
    rows = own_bq.query(ROWS).result()
    own_bq.server.inject({"cut_stream_after_rows": 777, "cut_stream_times": 3})
    found = rows.to_arrow(bqstorage_client=own_bq.storage)
    assert found["timestamp"].to_pylist() == sampled(MONDAY)["timestamp"].to_pylist()


def test_a_lost_batch_or_page_leaves_fewer_rows_than_the_job_reports(own_bq: Connected) -> None:
    for by_page in (False, True):
        rows = own_bq.query(ROWS).result()
        own_bq.server.inject({"lose_page": True})
        found = len(list(rows)) if by_page else rows.to_arrow(bqstorage_client=own_bq.storage).num_rows
        assert 0 < found < TOTAL == rows.total_rows
        assert own_bq.query(ROWS).result().to_arrow(bqstorage_client=own_bq.storage).num_rows == TOTAL


def test_a_fault_that_is_not_understood_is_refused_by_name(bq: Connected) -> None:
    with pytest.raises(ValidationError, match=r"(?s)refuse\.0\.route.*lose_pages"):
        bq.server.inject({"refuse": [{"route": "jobs.instert"}], "lose_pages": True})
