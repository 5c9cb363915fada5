"""Starts, watches and ends the stack's processes, together with everything that they started.

Every process of a stack has its home's mark in its environment from the start, and its children inherit it. To end
a stack, processes with the mark are searched. There is no file of pids: it could miss a process that had just been
started, be damaged, or name a pid that another process has now.
"""

import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from pyzn_local.home import StackError

MARK = "PYZN_STACK"
"""The variable with the mark. `pyzn env` does not print it, so that it does not get into a person's shell."""

STOP_SECONDS = 20  # after this, a service is killed


@dataclass
class Service:
    """One running child process."""

    name: str
    process: subprocess.Popen[bytes]
    ready: Callable[[], bool]
    log: Path


def launch(
    name: str,
    command: list[str],
    environment: Mapping[str, str],
    log: Path,
    ready: Callable[[], bool],
    folder: Path | None = None,
) -> Service:
    """Start `command` in `folder` (this process's own by default), its output in `log`."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            env=environment,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # Ctrl-C reaches only the supervisor, which stops the services in order
        )
    return Service(name, process, ready, log)


def check(services: list[Service]) -> None:
    """Raise StackError, with the end of its log, if a service has ended unexpectedly."""
    for service in services:
        if (status := service.process.poll()) is not None:
            tail = "\n".join(service.log.read_text(errors="replace").splitlines()[-15:])
            raise StackError(f"{service.name} ended with status {status}; the end of {service.log}:\n{tail}")


def wait(services: list[Service], timeout: float = 120) -> None:
    """Wait until all are ready. Raises StackError if one ends, or is not ready in `timeout` seconds."""
    deadline = time.monotonic() + timeout
    waiting = list(services)
    while waiting := [service for service in waiting if not service.ready()]:
        check(services)
        if time.monotonic() > deadline:
            raise StackError(f"{waiting[0].name} is not ready after {timeout:.0f} s; see {waiting[0].log}")
        time.sleep(0.1)


def end(mark: str) -> int:
    """End all processes with that mark, the youngest service first. Returns how many services there were.

    Raises StackError if one does not end.
    """
    ended = 0
    while leaders := _leaders(mark):  # repeated, because one of them may have started another meanwhile
        for leader in leaders:
            _end(leader)
        ended += len(leaders)
    return ended


def _leaders(mark: str) -> list[psutil.Process]:
    """The processes with that mark whose parent does not have it, the youngest first."""
    marked = [p for p in psutil.process_iter(["ppid", "create_time", "name"]) if _runs(p) and _carries(p, mark)]
    pids = {process.pid for process in marked}
    leaders = [process for process in marked if process.info["ppid"] not in pids]
    return sorted(leaders, key=lambda process: float(process.info["create_time"]), reverse=True)


def _carries(process: psutil.Process, mark: str) -> bool:
    with suppress(psutil.Error):
        try:
            return process.environ().get(MARK) == mark
        except psutil.AccessDenied:  # Postgres runs as another user; even root cannot always read its environment
            return postgres_setting(mark) in process.cmdline()
    return False


def postgres_setting(mark: str) -> str:
    """The mark as a setting for Postgres's command line."""
    return f"pyzn.stack={mark}"


def _end(leader: psutil.Process) -> None:
    """End a process and its children gracefully; kill those that do not end."""
    with suppress(psutil.NoSuchProcess):
        tree = [leader, *leader.children(recursive=True)]
        graceful = signal.SIGINT if leader.info["name"] == "postgres" else signal.SIGTERM  # SIGINT: fast shutdown
        for number, seconds in ((graceful, STOP_SECONDS), (signal.SIGKILL, 5)):
            for process in tree:
                with suppress(psutil.NoSuchProcess):
                    process.send_signal(number)
            deadline = time.monotonic() + seconds
            while (tree := [process for process in tree if _runs(process)]) and time.monotonic() < deadline:
                time.sleep(0.05)
        if tree:
            raise StackError(f"process {tree[0].pid} ({leader.info['name']}) does not end, not even when it is killed")


def _runs(process: psutil.Process) -> bool:
    """Whether the process runs, and is not a zombie."""
    with suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False
