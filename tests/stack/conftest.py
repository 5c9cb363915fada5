"""The `pyzn` command as a user runs it: a process, with a home and ports of its own."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from pyzn_local import services
from pyzn_local.home import Home
from pyzn_local.ports import free_port
from tests.waiting import wait_until

NO_PROXY_THERE = "http://127.0.0.1:9"


@dataclass(frozen=True)
class Pyzn:
    """Runs `pyzn` with `environment`, by way of the command `by` if there is one."""

    environment: dict[str, str]
    by: tuple[str, ...] = ()

    def __call__(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """The finished command, its output as text."""
        return subprocess.run(
            [*self.by, sys.executable, "-m", "pyzn_cli", *arguments],
            env=self.environment | environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=500,
        )

    def in_the_foreground(self, *arguments: str) -> subprocess.Popen[str]:
        """The running command, as in a terminal of its own, its output a pipe."""
        return subprocess.Popen(
            [sys.executable, "-m", "pyzn_cli", *arguments],
            env=self.environment | {"PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    @property
    def home(self) -> Path:
        return Path(self.environment["PYZN_HOME"])


def pyzn_at(home: Path) -> Pyzn:
    """The command for a stack in `home`, on free ports, behind a proxy that nothing here may ask: it is not there."""
    proxy = dict.fromkeys(("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "grpc_proxy"), NO_PROXY_THERE)
    ports = {"PYZN_API_PORT": str(free_port()), "PYZN_UI_PORT": str(free_port())}
    return Pyzn(os.environ | proxy | ports | {"PYZN_HOME": str(home)})


def processes(pyzn: Pyzn) -> list[psutil.Process]:
    """The stack's supervisor, and after it every process below it."""
    supervisor = psutil.Process(Home(pyzn.home).supervisor())
    return [supervisor, *supervisor.children(recursive=True)]


def alive(found: list[psutil.Process]) -> list[psutil.Process]:
    """Those that run."""
    return [process for process in found if services.runs(process)]


def wait_for_the_end(found: list[psutil.Process]) -> None:
    """Return once none of them runs: the supervisor, which gives its lock back before, ends last."""
    wait_until(lambda: not alive(found))


@pytest.fixture
def pyzn(tmp_path: Path) -> Iterator[Pyzn]:
    """A `pyzn` with no stack running; one that the test starts is stopped after it."""
    command = pyzn_at(tmp_path / "home")
    yield command
    home = Home(command.home)
    if home.supervisor() is not None:
        command("down")
    else:
        services.end(home.mark)
