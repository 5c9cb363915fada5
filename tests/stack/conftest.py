"""The `pyzn` command as a user runs it: a process, with a home and ports of its own."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
import requests

from pyzn_local import services
from pyzn_local.home import Home
from pyzn_local.ports import free_port
from tests.waiting import wait_until

NO_PROXY_THERE = "http://127.0.0.1:9"
RUNS = "PyZn runs; Ctrl-C stops it."


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

    def up(self, *options: str, until: str = RUNS) -> subprocess.Popen[str]:
        """A stack in the foreground, as in a terminal of its own, once it has printed the line `until`."""
        foreground = subprocess.Popen(
            [sys.executable, "-m", "pyzn_cli", "up", *options],
            env=self.environment | {"PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        assert foreground.stdout is not None
        printed = []
        for line in foreground.stdout:
            printed.append(line)
            if line == f"{until}\n":
                return foreground
        pytest.fail("".join(printed))

    @property
    def home(self) -> Path:
        return Path(self.environment["PYZN_HOME"])

    @property
    def settings(self) -> dict[str, str]:
        """The settings of the running stack."""
        return dict(line.split("=", 1) for line in self("env").stdout.splitlines())

    def get(self, path: str) -> Any:
        """The API's answer."""
        answer = requests.get(self.settings["PYZN_API_URL"] + path, timeout=60)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """The rows of a query of the schema's owner."""
        with psycopg.connect(self.settings["PYZN_DATABASE_URL"]) as connection:
            return connection.execute(query.encode()).fetchall()


def pyzn_at(home: Path) -> Pyzn:
    """The command for a stack in `home`, on free ports, behind a proxy that nothing here may ask: it is not there."""
    proxy = dict.fromkeys(("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "grpc_proxy"), NO_PROXY_THERE)
    ports = {"PYZN_API_PORT": str(free_port()), "PYZN_UI_PORT": str(free_port())}
    return Pyzn(os.environ | proxy | ports | {"PYZN_HOME": str(home)})


def processes(pyzn: Pyzn) -> list[psutil.Process]:
    """The stack's supervisor, and after it every process below it."""
    supervisor = psutil.Process(Home(pyzn.home).supervisor())
    return [supervisor, *supervisor.children(recursive=True)]


def kill_supervisor(pyzn: Pyzn) -> list[psutil.Process]:
    """Kill the stack's supervisor, and return the processes that it leaves."""
    supervisor, *children = processes(pyzn)
    supervisor.kill()
    supervisor.wait(120)
    assert len(alive(children)) > 5
    return children


def alive(found: list[psutil.Process]) -> list[psutil.Process]:
    """The processes that run."""
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
