"""Faults of a result's rows reach the real clients as BigQuery's own. All others are tested with what meets them, in
tests/pipeline: test_scan.py, test_count.py.
"""

import pytest
from pydantic import ValidationError

from tests.local.conftest import MONDAY, Connected, sampled

ROWS = "SELECT timestamp, file.project FROM {table} WHERE DATE(timestamp) = '2026-07-06' ORDER BY timestamp"
TOTAL = sampled(MONDAY).num_rows


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
