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
    name: str, command: list[str], environment: Mapping[str, str], log: Path, ready: Callable[[], bool]
) -> Service:
    """Start `command`, its output in `log`."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            env=environment,
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
        _signal_group(service.process.pid, service.stop_signal)
        with suppress(subprocess.TimeoutExpired):
            service.process.wait(STOP_SECONDS)
        _signal_group(service.process.pid, signal.SIGKILL)  # what the service itself did not end
        service.process.wait()


def remember(services: list[Service], file: Path) -> None:
    """Note the processes, so that the next start can end them if this process is killed."""
    notes = [(service.process.pid, psutil.Process(service.process.pid).create_time()) for service in services]
    file.write_text(json.dumps(notes))


def end_leftovers(file: Path) -> int:
    """End the process groups that `file` remembers and that still run; how many there were."""
    if not file.exists():
        return 0
    found = 0
    for pid, created in reversed(json.loads(file.read_text() or "[]")):
        try:
            process = psutil.Process(pid)
            if process.create_time() != created:
                continue  # another process has the number now
            found += 1
            _signal_group(pid, signal.SIGTERM)
            process.wait(STOP_SECONDS)
        except psutil.NoSuchProcess:
            continue
        except psutil.TimeoutExpired:
            _signal_group(pid, signal.SIGKILL)
    file.unlink()
    return found


def _signal_group(leader: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):  # a group that is gone is what was wanted
        os.killpg(leader, number)
