"""The API as a process, one request to it, and load on it: by `wrk` over HTTP, by pgbench with its statements."""

import http.client
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from importlib.resources import files
from string import Template
from typing import Any, NamedTuple

import psutil

from bench.database import Database
from pyzn_api.database import OF_PROJECT
from pyzn_api.windows import Window
from pyzn_local.ports import free_port, is_taken
from pyzn_local.postgres import binary

SMALL = "/api/projects/project-{}"
End = float | Future[Any]
"""The end of a load: after so many seconds, or when other work is done."""

_UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}  # milliseconds


class Load(NamedTuple):
    """Answers a second, milliseconds of the 99th percentile and of the longest, and the number of errors."""

    per_second: float
    p99: float
    longest: float
    refused: int


def get(port: int, path: str) -> tuple[float, bytes]:
    """Return the seconds and the body of one request on its own connection. Raises RuntimeError unless it is 200."""
    started = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", path)
    response = connection.getresponse()
    body = response.read()
    connection.close()
    if response.status != 200:
        raise RuntimeError(f"{path} is {response.status}: {body[:200]!r}")
    return time.perf_counter() - started, body


@contextmanager
def running(port: int, command: list[str], **settings: str) -> Iterator[psutil.Process]:
    """Run a server of Python until the end; yields its process when it listens on `port`."""
    process = subprocess.Popen([sys.executable, "-m", *command], env=os.environ | settings, stderr=subprocess.DEVNULL)
    try:
        while not is_taken(port):
            if process.poll() is not None:
                raise RuntimeError(f"{command[0]} ended with {process.returncode}")
            time.sleep(0.1)
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait()


@contextmanager
def running_api(api_url: str, cache_bytes: int) -> Iterator[tuple[int, psutil.Process]]:
    """Run the API on that database; yields its port and its process."""
    port = free_port()
    settings = {"PYZN_API_DATABASE_URL": api_url, "PYZN_API_PORT": str(port), "PYZN_API_CACHE_BYTES": str(cache_bytes)}
    with running(port, ["pyzn_api"], **settings) as process:
        yield port, process


def require_wrk() -> str:
    """Return the path of `wrk`; exit without it, because a client in Python would take the cores that it measures."""
    if path := shutil.which("wrk"):
        return path
    sys.exit("the figures of serving need wrk: apt-get install wrk, brew install wrk")


def load(port: int, path: str, projects: int, connections: int, end: End) -> Load:
    """Request `path`, in which `{}` is a random number up to `projects`, until the end.

    Over keep-alive connections, each request as soon as the one before is answered. Raises what the other work raised.
    """
    before, _, after = path.partition("{}")
    number = f' .. math.random({projects}) .. "{after}"' if "{}" in path else ""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(f'request = function() return wrk.format("GET", "{before}"{number}) end\n')
        script.flush()
        options = ["-t", "1", "-c", str(connections), "-d", "1h", "--timeout", "30s", "--latency", "-s", script.name]
        command = [require_wrk(), *options, f"http://127.0.0.1:{port}"]
        client = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            if isinstance(end, Future):
                end.result()
            else:
                time.sleep(end)
        finally:
            client.send_signal(signal.SIGINT)  # it then prints its report
            report = client.communicate()[0]
    found = re.search(
        r"Latency +\S+ +\S+ +([\d.]+)([a-z]+).*99% +([\d.]+)([a-z]+).*?(\d+) requests in.*Requests/sec: +([\d.]+)",
        report,
        re.DOTALL,
    )
    if not found:
        raise RuntimeError(f"unknown output of wrk: {report}")
    longest, unit, p99, p99_unit, count, rate = found.groups()
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", report)
    failed = int(refused[1]) if refused else 0
    answered = float(rate) * (1 - failed / int(count))
    return Load(answered, float(p99) * _UNITS[p99_unit], float(longest) * _UNITS[unit], failed)


def reads_per_second(own: Database, name: str, window: Window, projects: int, seconds: float) -> float:
    """Return how often a second pgbench runs the API's statement `name` for random projects, by 8 connections."""
    statement = files("pyzn_api").joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")
    statement = Template(re.sub("--.*", "", statement)).safe_substitute(OF_PROJECT)
    values = {
        "project": "('project-' || :number)",
        "ci": "true",
        "start": f"'{window.start}'",
        "end": f"'{window.end}'",
    }
    statement = re.sub(r"%\((\w+)\)s", lambda match: values[match[1]], statement)
    script = own.server.home / "pgbench.sql"
    script.write_text(f"\\set number random(1, {projects})\n{statement};\n", encoding="utf-8")
    options = ["-n", "-M", "prepared", "-c", "8", "-j", "2", "-T", str(max(1, round(seconds))), "-f", str(script)]
    environment = os.environ | {"PGOPTIONS": "-c jit=off"}  # as the API sets it
    done = subprocess.run(
        [binary("pgbench"), *options, own.api_url], check=True, stdout=subprocess.PIPE, text=True, env=environment
    )
    return float(re.findall(r"tps = ([\d.]+)", done.stdout)[0])
