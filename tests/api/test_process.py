"""`python -m pyzn_api` as operators run it: one process, and several on one port (PYZN_API_WORKERS), seen as one."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import psutil
import psycopg
import pytest

from pyzn_local.ports import free_port
from tests.api.conftest import metric
from tests.conftest import Database
from tests.waiting import wait_for_lock, wait_until

WORKERS = 2
ASKED = 40
NEWEST = 1784419200  # 2026-07-19
PATH = "/api/projects/sampleproject"
ANSWERED = 'pyzn_api_requests_total{route="/api/projects/{project}",status="200"}'


class ApiProcess:
    """A process that serves."""

    def __init__(self, port: int, process: psutil.Process) -> None:
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{port}", headers={"Connection": "close"}, timeout=60)
        self.process = process

    def workers(self) -> list[psutil.Process]:
        found = []
        for child in self.process.children():
            with suppress(psutil.NoSuchProcess):
                if child.status() != "zombie" and "spawn_main" in " ".join(child.cmdline()):
                    found.append(child)
        return found

    def number(self, name: str) -> float:
        """Return a metric; 0 if it is not there, or nobody answers."""
        try:
            return metric(self.client, name)
        except (httpx.TransportError, ValueError):
            return 0


@contextmanager
def serving(database: Database, folder: Path, workers: int = 1, **environment: str) -> Iterator[ApiProcess]:
    """A process whose temporary files and log are in `folder`, with no setting but these; ended by SIGTERM."""
    port = free_port()
    variables = {"PYZN_API_DATABASE_URL": database.api_url, "PYZN_API_PORT": str(port), "TMPDIR": str(folder)}
    variables |= {"PYZN_API_WORKERS": str(workers), **environment}
    with (
        (folder.parent / "log").open("w") as log,
        subprocess.Popen([sys.executable, "-m", "pyzn_api"], env=os.environ | variables, stderr=log) as process,
    ):
        found = ApiProcess(port, psutil.Process(process.pid))
        try:
            wait_until(lambda: found.number("pyzn_api_workers") == workers)
            yield found
        finally:
            process.terminate()


def test_it_logs_json_without_queries_and_finishes_what_it_started(stocked: Database, tmp_path: Path) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    with (
        ThreadPoolExecutor(1) as threads,
        psycopg.connect(stocked.owner_url) as owner,
        serving(stocked, folder, PYZN_API_TRUSTED_PROXIES="127.0.0.1, 10.0.0.9") as api,
    ):
        forwarded = {"X-Forwarded-For": "192.0.2.66, 192.0.2.7, 10.0.0.9"}
        assert api.client.get("/api/projects/quiet?password=hunter2", headers=forwarded).status_code == 200
        assert api.number(ANSWERED) == 1
        assert api.number("pyzn_api_latest_day_timestamp_seconds") == NEWEST
        owner.execute("LOCK TABLE pyzn.projects IN ACCESS EXCLUSIVE MODE")
        slow = threads.submit(api.client.get, "/api/projects/busy")
        wait_for_lock(owner)
        api.process.terminate()
        time.sleep(0.5)
        owner.rollback()
        assert slow.result().status_code == 200
        assert api.process.wait(timeout=120) in {0, -signal.SIGTERM}
    assert not list(folder.iterdir())
    text = (tmp_path / "log").read_text()
    assert "hunter2" not in text
    assert "Traceback" not in text
    lines = [json.loads(line) for line in text.splitlines()]
    (request,) = (line for line in lines if line.get("path") == "/api/projects/quiet")
    assert (request["method"], request["status"], request["route"]) == ("GET", 200, "/api/projects/{project}")
    assert (request["client"], request["milliseconds"] > 0) == ("192.0.2.7", True)


@pytest.fixture
def several(stocked: Database, tmp_path: Path) -> Iterator[ApiProcess]:
    (tmp_path / "temporary").mkdir()
    with serving(stocked, tmp_path / "temporary", WORKERS) as found:
        yield found


@pytest.mark.slow
def test_workers_that_start_slowly_are_not_ended(stocked: Database, tmp_path: Path) -> None:
    slow = 'import sys, time\nif "spawn_main" in "".join(sys.orig_argv): time.sleep(7)\n'
    (tmp_path / "sitecustomize.py").write_text(slow)  # run by Python at its start
    (tmp_path / "temporary").mkdir()
    with serving(stocked, tmp_path / "temporary", WORKERS, PYTHONPATH=str(tmp_path)) as api:
        assert api.client.get(PATH).status_code == 200


@pytest.mark.slow
def test_their_numbers_are_added_up_and_one_that_dies_is_replaced(several: ApiProcess) -> None:
    for _ in range(ASKED):
        assert several.client.get(PATH).status_code == 200  # each on a connection of its own
    wait_until(lambda: several.number(ANSWERED) == ASKED)  # a worker counts what it has already sent
    assert {several.number(ANSWERED) for _ in range(4 * WORKERS)} == {ASKED}  # whichever answers
    assert several.number("pyzn_api_latest_day_timestamp_seconds") == NEWEST  # and not twice that
    before = several.workers()
    before[0].send_signal(signal.SIGKILL)
    wait_until(
        lambda: (
            before[0] not in several.workers()
            and len(several.workers()) == several.number("pyzn_api_workers") == WORKERS
        )
    )
    assert several.number(ANSWERED) == ASKED
    assert several.client.get(PATH).status_code == 200


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_none_of_them_outlives_the_process_that_started_them(
    number: signal.Signals, several: ApiProcess, tmp_path: Path
) -> None:
    workers = several.workers()
    assert len(workers) == WORKERS
    several.process.send_signal(number)
    _, alive = psutil.wait_procs([several.process, *workers], timeout=120)
    assert not alive
    with pytest.raises(httpx.ConnectError):
        several.client.get(PATH)
    assert number == signal.SIGKILL or not list((tmp_path / "temporary").iterdir())
