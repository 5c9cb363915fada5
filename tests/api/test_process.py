"""`python -m pyzn_api` as operators run it."""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psycopg

from tests.api.process import serving_process
from tests.conftest import Database


def _after_half_a_second(release: Callable[[], None]) -> None:
    time.sleep(0.5)
    release()


def test_it_logs_json_without_queries_and_finishes_what_it_started(stocked: Database, tmp_path: Path) -> None:
    with (
        ThreadPoolExecutor(2) as threads,
        psycopg.connect(stocked.owner_url) as owner,
        serving_process(stocked, tmp_path / "log", PYZN_API_TRUSTED_PROXIES="127.0.0.1, 10.0.0.9") as port,
    ):
        url = f"http://127.0.0.1:{port}"
        forwarded = {"X-Forwarded-For": "192.0.2.66, 192.0.2.7, 10.0.0.9"}
        quiet = httpx.get(f"{url}/api/projects/quiet?password=hunter2", headers=forwarded, timeout=60)
        assert quiet.status_code == 200
        metrics = httpx.get(f"{url}/metrics", timeout=60).text
        assert metrics.count('route="/api/projects/{project}",status="200"} 1.0') == 1
        assert "pyzn_api_latest_day_timestamp_seconds 1.7844192e+09" in metrics  # 2026-07-19
        owner.execute("LOCK TABLE pyzn.projects IN ACCESS EXCLUSIVE MODE")
        slow = threads.submit(httpx.get, f"{url}/api/projects/busy", timeout=60)
        time.sleep(0.5)
        threads.submit(_after_half_a_second, owner.rollback)
    assert slow.result().status_code == 200
    text = (tmp_path / "log").read_text()
    assert "hunter2" not in text
    assert "Traceback" not in text
    lines = [json.loads(line) for line in text.splitlines()]
    (request,) = (line for line in lines if line.get("path") == "/api/projects/quiet")
    assert (request["method"], request["status"], request["route"]) == ("GET", 200, "/api/projects/{project}")
    assert (request["client"], request["milliseconds"] > 0) == ("192.0.2.7", True)
