"""PYZN_API_WORKERS: several processes on one port, seen as one."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import psutil
import pytest

from pyzn_local.ports import free_port
from tests.api.process import command
from tests.conftest import Database
from tests.waiting import wait_until

pytestmark = pytest.mark.slow

WORKERS = 2
ASKED = 40
PATH = "/api/projects/sampleproject"
ANSWERED = 'pyzn_api_requests_total{route="/api/projects/{project}",status="200"}'


class Serving:
    """A process that has started its workers."""

    def __init__(self, port: int, process: psutil.Process) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.process = process

    def workers(self) -> list[psutil.Process]:
        found = []
        for child in self.process.children():
            with suppress(psutil.NoSuchProcess):
                if child.status() != "zombie" and "spawn_main" in " ".join(child.cmdline()):
                    found.append(child)
        return found

    def number(self, name: str) -> float:
        """A metric; 0 if it is not there, or nobody answers."""
        try:
            lines = httpx.get(f"{self.url}/metrics", timeout=60).text.splitlines()
        except httpx.TransportError:
            return 0
        return next((float(line.rpartition(" ")[2]) for line in lines if line.rpartition(" ")[0] == name), 0)

    def all_answer(self) -> bool:
        return self.number("pyzn_api_workers") == WORKERS


@pytest.fixture
def serving(stocked: Database, tmp_path: Path) -> Iterator[Serving]:
    port = free_port()
    variables = {"PYZN_API_DATABASE_URL": stocked.api_url, "PYZN_API_PORT": str(port), "TMPDIR": str(tmp_path)}
    arguments, environment = command(**variables, PYZN_API_WORKERS=str(WORKERS))
    with subprocess.Popen(arguments, env=environment, stderr=subprocess.DEVNULL) as process:
        found = Serving(port, psutil.Process(process.pid))
        try:
            wait_until(found.all_answer)
            yield found
        finally:
            process.terminate()


def test_their_numbers_are_added_up_and_one_that_dies_is_replaced(serving: Serving) -> None:
    for _ in range(ASKED):
        assert httpx.get(serving.url + PATH, timeout=60).status_code == 200  # each on a connection of its own
    assert {serving.number(ANSWERED) for _ in range(4 * WORKERS)} == {ASKED}  # whichever answers
    assert serving.number("pyzn_api_latest_day_timestamp_seconds") == 1784419200  # 2026-07-19, and not twice that
    before = serving.workers()
    before[0].send_signal(signal.SIGKILL)
    wait_until(
        lambda: before[0] not in serving.workers() and len(serving.workers()) == WORKERS and serving.all_answer()
    )
    assert serving.number(ANSWERED) == ASKED
    assert httpx.get(serving.url + PATH, timeout=60).status_code == 200


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_none_of_them_outlives_the_process_that_started_them(
    number: signal.Signals, serving: Serving, tmp_path: Path
) -> None:
    workers = serving.workers()
    assert len(workers) == WORKERS
    serving.process.send_signal(number)
    _, alive = psutil.wait_procs([serving.process, *workers], timeout=120)
    assert not alive
    with pytest.raises(httpx.ConnectError):
        httpx.get(serving.url + PATH, timeout=60)
    assert number == signal.SIGKILL or not list(tmp_path.iterdir())
