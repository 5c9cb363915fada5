"""Jobs by name, in a location, several at once."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from google.api_core.exceptions import Conflict, GoogleAPICallError, NotFound
from google.cloud import bigquery

from pyzn_local import sample
from pyzn_local.bigquery import Server
from tests.local.conftest import MONDAY, Connected, connected

ENDLESS = """
    WITH a AS (SELECT timestamp AS t FROM {table} WHERE DATE(timestamp) = '2026-07-06')
    SELECT COUNT(*) FROM a AS x JOIN a AS y ON x.t <> y.t JOIN a AS z ON y.t <> z.t
"""
COUNT = "SELECT COUNT(*) AS n FROM {table} WHERE DATE(timestamp) = '2026-07-06'"


def test_a_job_is_found_again_by_its_name(bq: Connected) -> None:
    job = bq.query(COUNT, job_id_prefix="pyzn-")
    [row] = bq.again(job).result()
    assert row.n == sample.day(MONDAY).num_rows
    assert job.location == "US"


def test_a_name_can_be_used_once(bq: Connected) -> None:
    bq.query("SELECT 1", job_id="only-once", job_retry=None).result()
    with pytest.raises(Conflict, match=r"Already Exists: Job someone:US\.only-once"):
        bq.query("SELECT 1", job_id="only-once", job_retry=None)


def test_a_job_nobody_started_is_not_found(bq: Connected) -> None:
    with pytest.raises(NotFound, match=r"Not found: Job someone:US\.nope"):
        bq.client.get_job("nope")


def test_the_table_is_in_the_us_and_nowhere_else(bq: Connected) -> None:
    message = "Not found: Dataset bigquery-public-data:pypi was not found in location EU"
    with pytest.raises(NotFound, match=message):
        bq.query(COUNT, location="EU", retry=None, job_retry=None)
    assert bq.rows(COUNT, location="us") == [(sample.day(MONDAY).num_rows,)]


def test_query_and_wait_gives_rows_at_once_and_by_pages(bq: Connected) -> None:
    assert [row.n for row in bq.client.query_and_wait("SELECT 7 AS n")] == [7]
    many = "SELECT timestamp FROM `bigquery-public-data.pypi.file_downloads` WHERE DATE(timestamp) = '2026-07-06'"
    rows = bq.client.query_and_wait(many, page_size=9_000)
    assert rows.total_rows == sample.day(MONDAY).num_rows == len(list(rows))


def test_a_cancelled_job_says_so(own_bq: Connected) -> None:
    job = own_bq.query(ENDLESS)
    job.cancel()
    with pytest.raises(GoogleAPICallError, match="cancelled"):
        job.result()
    job.reload()  # the error may have come with the results, before the job was looked at
    assert job.error_result is not None
    assert job.error_result["reason"] == "stopped"
    assert own_bq.rows("SELECT 1") == [(1,)]


def test_several_clients_query_and_load_at_once(own_bq: Connected) -> None:
    start = threading.Barrier(6)

    def query(_: int) -> list[tuple[int]]:
        start.wait()
        return [row for _ in range(3) for row in own_bq.rows(COUNT)]

    def load(day: int) -> int:
        start.wait()
        return own_bq.server.load(sample.day(MONDAY.replace(day=day)))

    with ThreadPoolExecutor(6) as threads:
        counts = threads.map(query, range(4))
        loaded = sum(threads.map(load, [7, 8]))
    assert {n for rows in counts for (n,) in rows} == {sample.day(MONDAY).num_rows}
    [(total,)] = own_bq.rows("SELECT COUNT(*) FROM {table} WHERE timestamp >= '2026-07-07'")
    assert total == loaded


def test_options_that_would_be_ignored_are_refused(bq: Connected) -> None:
    config = bigquery.QueryJobConfig(destination="someone.somewhere.something")
    with pytest.raises(GoogleAPICallError, match=r"configuration\.query\.destinationTable is not supported"):
        bq.query("SELECT 1", job_config=config, retry=None)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "jobs", "{"),
        ("POST", "jobs", "[]"),
        ("POST", "jobs", '{"configuration": {"query": 3}}'),
        ("POST", "jobs", '{"configuration": {"load": {"sourceUris": ["gs://x/y"]}}}'),
        ("POST", "queries", '{"query": "SELECT 1"}'),
        ("POST", "queries", '{"query": 1, "useLegacySql": false}'),
        ("POST", "queries", '{"query": "SELECT 1", "useLegacySql": false, "location": 3}'),
        ("POST", "queries", '{"query": "SELECT 1", "useLegacySql": false, "maxResults": "many"}'),
        ("POST", "queries", '{"query": "SELECT 1", "useLegacySql": false, "queryParameters": [{"name": "a"}]}'),
        ("POST", "queries", '{"query": "SELECT 1", "useLegacySql": false, "queryResultsFormat": "ARROW"}'),
        ("GET", "jobs", ""),
        ("DELETE", "datasets/d/tables/t", ""),
    ],
)
def test_a_malformed_or_unsupported_request_is_a_400_which_clients_do_not_repeat(
    bq: Connected, method: str, path: str, body: str
) -> None:
    url = f"{bq.server.endpoint}/bigquery/v2/projects/someone/{path}"
    answer = requests.request(method, url, data=body, timeout=5)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == 400
    assert answer.json()["error"]["errors"][0]["reason"] in {"invalid", "invalidQuery", "parseError"}


def test_a_server_stops_at_once_while_a_query_runs(tmp_path: Path) -> None:
    with Server(tmp_path) as server, connected(server) as bq:
        server.load(sample.day(MONDAY))
        bq.query(ENDLESS)
        began = time.monotonic()
    assert time.monotonic() - began < 5  # under 2 s on an idle machine
