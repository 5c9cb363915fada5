"""`python -m pyzn_api` as a process."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from pyzn_local.ports import free_port
from tests.conftest import Database
from tests.waiting import wait_until


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
            wait_until(lambda: _is_healthy(port))
            yield port
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=120) in {0, -signal.SIGTERM}
            assert not list(Path(temporary).iterdir())


def _is_healthy(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health-check", timeout=60).status_code == 200
    except httpx.ConnectError:
        return False
