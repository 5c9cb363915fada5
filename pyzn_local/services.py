"""Child processes: started, watched, and ended with everything they started themselves."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from pyzn_local.home import StackError

STOP_SECONDS = 20  # then a service is killed


@dataclass
class Service:
    """One running child, the leader of its own process group; `stop_signal` is its graceful one."""

    name: str
    process: subprocess.Popen[bytes]
    ready: Callable[[], bool]
    log: Path
    stop_signal: signal.Signals = signal.SIGTERM


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
            start_new_session=True,  # Ctrl-C in the terminal is the supervisor's; it stops the others in order
        )
    return Service(name, process, ready, log)


def check(services: list[Service]) -> None:
    """Raise StackError, with the end of its log, if a service has ended by itself."""
    for service in services:
        if (status := service.process.poll()) is not None:
            tail = "\n".join(service.log.read_text(errors="replace").splitlines()[-15:])
            raise StackError(f"{service.name} ended with status {status}; the end of {service.log}:\n{tail}")


def wait(services: list[Service], timeout: float = 120) -> None:
    """Until all are ready. Raises StackError for one that ends, or is not ready in `timeout` seconds."""
    deadline = time.monotonic() + timeout
    waiting = list(services)
    while waiting := [service for service in waiting if not service.ready()]:
        check(services)
        if time.monotonic() > deadline:
            raise StackError(f"{waiting[0].name} is not ready after {timeout:.0f} s; see {waiting[0].log}")
        time.sleep(0.1)


def stop(services: list[Service]) -> None:
    """End the services and all they started, the youngest first."""
    for service in reversed(services):
        _end_group(service.process.pid, service.stop_signal, service.process.wait)


def remember(services: list[Service], file: Path) -> None:
    """Note the processes, so that the next start can end them if this process is killed."""
    notes = [(s.process.pid, psutil.Process(s.process.pid).create_time(), int(s.stop_signal)) for s in services]
    unfinished = file.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(notes))
    unfinished.rename(file)


def end_leftovers(file: Path) -> int:
    """End the process groups that `file` remembers and that still run; how many there were."""
    if not file.exists():
        return 0
    found = 0
    for pid, created, stop_signal in reversed(json.loads(file.read_text())):
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            if abs(process.create_time() - created) < 5:  # seconds; otherwise another process has the number now
                found += 1
                _end_group(pid, signal.Signals(stop_signal), process.wait)
    file.unlink()
    return found


def _end_group(leader: int, stop_signal: signal.Signals, wait: Callable[[float], object]) -> None:
    """End a process group: its leader gracefully, then whatever the leader did not end itself."""
    for number, seconds in ((stop_signal, STOP_SECONDS), (signal.SIGKILL, 5)):
        _signal_group(leader, number)
        with suppress(subprocess.TimeoutExpired, psutil.TimeoutExpired):
            wait(seconds)


def _signal_group(leader: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):  # a group that is gone is what was wanted
        os.killpg(leader, number)
