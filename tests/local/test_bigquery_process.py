"""The emulator as a process of its own, `python -m pyzn_local.bigquery`, and the days that it fills by itself."""

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
from tests.local.conftest import connected
from tests.waiting import LIMIT


@contextmanager
def start(data: Path, port: int) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "pyzn_local.bigquery", "--data", str(data), "--port", str(port)]
    command += ["--storage-port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.slow
def test_it_refuses_a_port_that_is_taken_and_stops_on_sigterm(tmp_path: Path) -> None:
    with start(tmp_path / "data", 0) as first:
        assert first.stdout is not None
        ready = first.stdout.readline()
        assert ready.startswith("bigquery: ready on http://127.0.0.1:")
        port = int(ready.partition(",")[0].rpartition(":")[2])
        with start(tmp_path / "other", port) as second:
            refusal = f"bigquery: cannot start: cannot listen on 127.0.0.1:{port}: Address already in use\n"
            assert (second.communicate(timeout=LIMIT), second.returncode) == (("", refusal), 1)
        first.send_signal(signal.SIGTERM)
        assert (first.communicate(), first.returncode) == (("", ""), 0)


def test_the_days_of_the_sample_that_are_missing_are_there_when_it_is_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    days = [yesterday - timedelta(days=ago) for ago in range(9)]
    monkeypatch.setenv("PYZN_SAMPLE_FROM", str(days[-1]))
    with Server(tmp_path) as server:
        server.load(sample.day(yesterday).slice(0, 10))
    with Server(tmp_path, with_sample=True) as server, connected(server) as bq:
        assert requests.get(f"{server.endpoint}/healthz", timeout=60).status_code == 503
        assert server.wait_until_ready(300)
        assert requests.get(f"{server.endpoint}/healthz", timeout=60).status_code == 200
        rows = {name: number for name, (number, _) in bq.partitions().items()}
    assert rows == {f"{day:%Y%m%d}": sample.day(day).num_rows if day < yesterday else 10 for day in days}
