"""The emulator as a process of its own: `python -m pyzn_local.bigquery`."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests

from pyzn_local import sample
from pyzn_local.bigquery import Server
from pyzn_local.ports import free_port, is_taken
from tests.local.conftest import connected
from tests.waiting import wait_until

pytestmark = pytest.mark.slow


def command(data: Path, port: int, storage_port: int, *options: str) -> list[str]:
    module = [sys.executable, "-m", "pyzn_local.bigquery"]
    return [*module, "--data", str(data), "--port", str(port), "--storage-port", str(storage_port), *options]


@contextmanager
def running(arguments: list[str]) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def test_it_samples_the_days_that_are_missing_refuses_a_second_and_stops_on_sigterm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    monkeypatch.setenv("PYZN_SAMPLE_FROM", str(yesterday - timedelta(days=9)))
    with Server(tmp_path / "data") as server:
        server.load(sample.day(yesterday).slice(0, 10))
    port, storage_port = free_port(), free_port()
    url = f"http://127.0.0.1:{port}"
    with running(command(tmp_path / "data", port, storage_port, "--sample")) as process:
        wait_until(lambda: is_taken(port))
        assert requests.get(f"{url}/healthz", timeout=60).status_code == 503
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith(f"bigquery: ready on {url}, storage read on 127.0.0.1:{storage_port}")
        assert requests.get(f"{url}/healthz", timeout=60).status_code == 200

        second = subprocess.run(
            command(tmp_path / "other", port, free_port()), capture_output=True, text=True, check=False
        )
        assert (second.returncode, second.stdout) == (1, "")
        assert second.stderr == f"bigquery: cannot start: cannot listen on 127.0.0.1:{port}: Address already in use\n"

        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=120) == 0  # under 2 s on an idle machine
        assert process.stderr is not None
        assert process.stderr.read() == ""
    with Server(tmp_path / "data") as server, connected(server) as bq:
        rows = {name: number for name, (number, _) in bq.partitions().items()}
    days = [yesterday - timedelta(days=n) for n in range(10)]
    assert rows == {f"{day:%Y%m%d}": sample.day(day).num_rows if day < yesterday else 10 for day in days}
