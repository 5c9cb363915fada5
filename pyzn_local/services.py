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

START_SECONDS = 600  # far away: a busy machine takes its time
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


def wait(services: list[Service]) -> None:
    """Wait until all are ready. Raises StackError if one ends, or is not ready in time."""
    deadline = time.monotonic() + START_SECONDS
    while waiting := [service for service in services if not service.ready()]:
        check(services)
        if time.monotonic() > deadline:
            raise StackError(f"{waiting[0].name} is not ready after {START_SECONDS} s; see {waiting[0].log}")
        time.sleep(0.1)


def end(mark: str) -> int:
    """End all processes with that mark, Postgres last, and return how many there were.

    Raises StackError if one does not end.
    """
    ended: set[int] = set()
    while found := _marked(mark):  # repeated, because one of them may have started another meanwhile
        ended |= {process.pid for process in found}
        servers = [process for process in found if process.info["name"] == "postgres"]
        _end([process for process in found if process not in servers], signal.SIGTERM)
        _end(servers, signal.SIGINT)  # its fast shutdown
    return len(ended)


def _marked(mark: str) -> list[psutil.Process]:
    return [process for process in psutil.process_iter(["name"]) if runs(process) and _carries(process, mark)]


def _carries(process: psutil.Process, mark: str) -> bool:
    with suppress(psutil.Error):
        try:
            return process.environ().get(MARK) == mark
        except psutil.AccessDenied:  # Postgres runs as another user; even root cannot always read its environment
            return postgres_setting(mark) in process.cmdline()
    return False


def postgres_setting(mark: str) -> str:
    """Return the mark as a setting for Postgres's command line."""
    return f"pyzn.stack={mark}"


def _end(processes: list[psutil.Process], graceful: signal.Signals) -> None:
    """End processes gracefully; kill those that do not end."""
    for number, seconds in ((graceful, STOP_SECONDS), (signal.SIGKILL, 5)):
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)
        deadline = time.monotonic() + seconds
        while (processes := [process for process in processes if runs(process)]) and time.monotonic() < deadline:
            time.sleep(0.05)
    if processes:
        raise StackError(f"process {processes[0].pid} does not end, not even when it is killed")


def runs(process: psutil.Process) -> bool:
    """Return whether the process runs, and is not a zombie."""
    with suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False
