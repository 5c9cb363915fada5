"""The emulator as a process of its own: `python -m pyzn_local.bigquery`."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from pyzn_local.ports import free_port


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


def test_it_gets_healthy_with_its_sample_refuses_a_second_and_stops_on_sigterm(
    tmp_path: Path,
) -> None:
    port, storage_port = free_port(), free_port()
    with running(command(tmp_path / "data", port, storage_port, "--sample")) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith(f"bigquery: ready on http://127.0.0.1:{port}, storage read on 127.0.0.1:{storage_port}")
        assert requests.get(f"http://127.0.0.1:{port}/healthz", timeout=60).status_code == 200
        table = f"http://127.0.0.1:{port}/bigquery/v2/projects/bigquery-public-data/datasets/pypi/tables/file_downloads"
        rows = int(requests.get(table, timeout=60).json()["numRows"])
        assert rows > 35 * 10_000

        second = subprocess.run(
            command(tmp_path / "other", port, free_port()), capture_output=True, text=True, check=False
        )
        assert (second.returncode, second.stdout) == (1, "")
        assert second.stderr == f"bigquery: cannot start: cannot listen on 127.0.0.1:{port}: Address already in use\n"

        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0  # under 2 s on an idle machine
        assert process.stderr is not None
        assert process.stderr.read() == ""
