"""Jobs by name, in a location, several at once; requests that are refused, and who may send one."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from google.api_core.exceptions import Conflict, NotFound
from google.cloud import bigquery

from pyzn_local.bigquery import Server
from tests.local.conftest import MONDAY, ODD_ROWS, Connected, connected, parquet, sampled

ENDLESS = """
    WITH a AS (SELECT timestamp AS t FROM {table} WHERE DATE(timestamp) = '2026-07-06')
    SELECT COUNT(*) FROM a AS x JOIN a AS y ON x.t <> y.t JOIN a AS z ON y.t <> z.t
"""
COUNT = "SELECT COUNT(*) AS n FROM {table} WHERE DATE(timestamp) = '2026-07-06'"
QUERY = '{"jobReference": {"jobId": "%s"}, "configuration": {"query": {"query": "SELECT 1", "useLegacySql": false}}}'
FOREIGN = [
    {"Host": "attacker.example"},  # a name that was made to mean 127.0.0.1
    {"Origin": "https://attacker.example"},
    {"Origin": "null"},
]


def request(bq: Connected, method: str, path: str, body: str, **headers: str) -> requests.Response:
    url = f"{bq.server.endpoint}/bigquery/v2/projects/someone/{path}"
    return requests.request(method, url, data=body, headers={"Content-Type": "application/json"} | headers, timeout=60)


def test_a_job_is_found_again_by_its_name_which_can_be_used_once(bq: Connected) -> None:
    bq.query(COUNT, job_id="only-once", job_retry=None).result()
    with pytest.raises(Conflict, match=r"Already Exists: Job someone:US\.only-once"):
        bq.query("SELECT 1", job_id="only-once", job_retry=None)
    job = bq.client.get_job("only-once")
    assert isinstance(job, bigquery.QueryJob)
    assert [row.n for row in job.result()] == [sampled(MONDAY).num_rows]
    assert job.location == "US"
    with pytest.raises(NotFound, match=r"Not found: Job someone:US\.nope"):
        bq.client.get_job("nope")


def test_the_table_is_in_the_us_and_nowhere_else(bq: Connected) -> None:
    message = "Not found: Dataset bigquery-public-data:pypi was not found in location EU"
    with pytest.raises(NotFound, match=message):
        bq.query(COUNT, location="EU", retry=None, job_retry=None)
    assert bq.rows(COUNT, location="us") == [(sampled(MONDAY).num_rows,)]


def test_several_clients_query_and_load_at_once(own_bq: Connected) -> None:
    with ThreadPoolExecutor(6) as threads:
        counts = threads.map(lambda _: own_bq.rows(COUNT), range(8))
        loaded = sum(threads.map(lambda day: own_bq.server.load(sampled(MONDAY.replace(day=day))), [7, 8]))
    assert list(counts) == [[(sampled(MONDAY).num_rows,)]] * 8
    [(total,)] = own_bq.rows("SELECT COUNT(*) FROM {table} WHERE timestamp >= '2026-07-07'")
    assert total == loaded


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "jobs", "{"),
        ("POST", "jobs", '{"configuration": {}}'),
        ("POST", "jobs", '{"configuration": {"load": {"sourceUris": ["gs://x/y"]}}}'),
        ("POST", "jobs", QUERY.replace("false", 'false, "maximumBytesBilled": "many"')),
        ("POST", "jobs", QUERY.replace("false", 'false, "queryParameters": [{"parameterType": 3}]')),
        # These would change what a query does, if they were not ignored.
        ("POST", "jobs", QUERY.replace("false", "true")),
        ("POST", "jobs", QUERY.replace("false", 'false, "destinationTable": {"tableId": "t"}')),
        ("GET", "queries/nope?maxResults=many", ""),
        ("DELETE", "datasets/d/tables/t", ""),
    ],
)
def test_a_malformed_or_unsupported_request_is_a_400_which_clients_do_not_repeat(
    bq: Connected, method: str, path: str, body: str
) -> None:
    answer = request(bq, method, path, body)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == 400
    assert answer.json()["error"]["errors"][0]["reason"] in {"invalid", "invalidQuery"}


@pytest.mark.parametrize(
    "headers", [*FOREIGN, {"Content-Type": "text/plain"}, {"Content-Type": "application/x-www-form-urlencoded"}]
)
def test_a_page_in_a_browser_can_start_and_load_nothing(bq: Connected, headers: dict[str, str]) -> None:
    before = bq.partitions()
    assert request(bq, "POST", "jobs", QUERY % "by-a-page", **headers).status_code in {400, 403}
    with pytest.raises(NotFound):
        bq.client.get_job("by-a-page")
    if headers in FOREIGN:
        assert bq.post(parquet(ODD_ROWS), **headers).status_code in {400, 403}
        assert bq.partitions() == before


def test_a_server_stops_at_once_while_a_query_runs(tmp_path: Path) -> None:
    with Server(tmp_path) as server, connected(server) as bq:
        server.load(sampled(MONDAY))
        bq.query(ENDLESS)
        began = time.monotonic()
    assert time.monotonic() - began < 120  # it would run for hours
