"""`python -m pyzn_api` as operators run it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import psycopg

from pyzn_local.ports import free_port
from tests.conftest import Database


def command(**environment: str) -> tuple[list[str], dict[str, str]]:
    """What starts it, with no setting but these."""
    return [sys.executable, "-m", "pyzn_api"], os.environ | environment


@contextmanager
def serving_process(database: Database, log: Path | None = None, **environment: str) -> Iterator[int]:
    """The port of a process that serves; at the end it gets a SIGTERM, must end, and leave no temporary file."""
    port = free_port()
    own = {"PYZN_API_DATABASE_URL": database.api_url, "PYZN_API_PORT": str(port)}
    with TemporaryDirectory() as temporary, Path(log or os.devnull).open("w") as stderr:
        arguments, variables = command(TMPDIR=temporary, **own, **environment)
        process = subprocess.Popen(arguments, env=variables, stderr=stderr)
        try:
            deadline = time.monotonic() + 20
            while True:
                try:
                    assert httpx.get(f"http://127.0.0.1:{port}/health-check").status_code == 200
                    break
                except httpx.ConnectError:
                    assert time.monotonic() < deadline
                    time.sleep(0.05)
            yield port
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=20) in {0, -signal.SIGTERM}
            assert not list(Path(temporary).iterdir())


def _after_half_a_second(release: Callable[[], None]) -> None:
    time.sleep(0.5)
    release()


def test_without_its_database_url_it_ends_and_names_it() -> None:
    arguments, variables = command()
    ended = subprocess.run(arguments, env=variables, capture_output=True, text=True, check=False, timeout=20)
    assert ended.returncode != 0
    assert ended.stderr.startswith("PYZN_API_DATABASE_URL is not set")
    assert "Traceback" not in ended.stderr


def test_it_logs_json_without_queries_and_finishes_what_it_started(stocked: Database, tmp_path: Path) -> None:
    with (
        ThreadPoolExecutor(2) as threads,
        psycopg.connect(stocked.owner_url) as owner,
        serving_process(stocked, tmp_path / "log", PYZN_API_TRUSTED_PROXIES="127.0.0.1, 10.0.0.9") as port,
    ):
        url = f"http://127.0.0.1:{port}"
        forwarded = {"X-Forwarded-For": "192.0.2.66, 192.0.2.7, 10.0.0.9"}
        assert httpx.get(f"{url}/api/projects/quiet?password=hunter2", headers=forwarded).status_code == 200
        metrics = httpx.get(f"{url}/metrics").text
        assert metrics.count('route="/api/projects/{project}",status="200"} 1.0') == 1
        assert "pyzn_api_latest_day_timestamp_seconds 1.7844192e+09" in metrics  # 2026-07-19
        owner.execute("LOCK TABLE pyzn.projects IN ACCESS EXCLUSIVE MODE")
        slow = threads.submit(httpx.get, f"{url}/api/projects/busy", timeout=10)
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
