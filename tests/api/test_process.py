"""`python -m pyzn_api` as operators run it."""

import json
import os
import signal
import subprocess
import sys
import time

import httpx

from pyzn_local.ports import free_port
from tests.conftest import Database


def start(**environment: str) -> subprocess.Popen[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYZN_")}
    return subprocess.Popen(
        [sys.executable, "-m", "pyzn_api"], env=kept | environment, stderr=subprocess.PIPE, text=True
    )


def test_without_its_database_url_it_ends_and_names_it() -> None:
    process = start()
    _, errors = process.communicate(timeout=20)
    assert process.returncode != 0
    assert errors.startswith("PYZN_API_DATABASE_URL is not set")
    assert "Traceback" not in errors


def test_it_serves_logs_json_without_queries_and_ends_on_sigterm(stocked: Database) -> None:
    port = free_port()
    process = start(PYZN_API_DATABASE_URL=stocked.api_url, PYZN_API_PORT=str(port))
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 20
        while True:
            try:
                assert httpx.get(f"{url}/api/projects/quiet?password=hunter2").status_code == 200
                break
            except httpx.ConnectError:
                assert time.monotonic() < deadline
                time.sleep(0.05)
        assert httpx.get(f"{url}/metrics").text.count('route="/api/projects/{project}",status="200"} 1') == 1
    finally:
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=20)
    assert process.returncode in {0, -signal.SIGTERM}
    lines = [json.loads(line) for line in errors.splitlines()]
    (request,) = (line for line in lines if line.get("path") == "/api/projects/quiet")
    assert (request["method"], request["status"], request["route"]) == ("GET", 200, "/api/projects/{project}")
    assert request["milliseconds"] > 0
    assert "hunter2" not in errors
    assert "Traceback" not in errors
