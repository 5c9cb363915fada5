"""Generates HTTP load: requests over keep-alive connections, each as soon as the one before is answered.

With `wrk` where it is installed (Debian: apt-get install wrk), which takes a tenth of a core; otherwise with a client
in Python, which takes a third of two cores from what it measures. Compare only figures of the same client.
"""

import asyncio
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from random import Random
from typing import NamedTuple, cast

import uvloop

_WRK = shutil.which("wrk")
CLIENT = "wrk" if _WRK else "a client in Python"
GoOn = Callable[[float], bool]
"""Called ten times a second with the seconds so far; false ends the load."""

_UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}  # milliseconds


class Load(NamedTuple):
    """The result: answers a second, milliseconds of the 99th percentile and of the longest, how many were not 200."""

    per_second: float
    p99: float
    longest: float
    refused: int


def load(port: int, path: str, projects: int, connections: int, go_on: GoOn) -> Load:
    """Request `path`, in which `{}` is a random number up to `projects`, until `go_on` returns false."""
    if _WRK:
        return _wrk(_WRK, port, path, projects, connections, go_on)
    return _python(port, path, projects, connections, go_on)


def _wrk(wrk: str, port: int, path: str, projects: int, connections: int, go_on: GoOn) -> Load:
    before, _, after = path.partition("{}")
    number = f' .. math.random({projects}) .. "{after}"' if "{}" in path else ""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(f'request = function() return wrk.format("GET", "{before}"{number}) end\n')
        script.flush()
        options = ["-t", "1", "-c", str(connections), "-d", "1h", "--timeout", "30s", "--latency", "-s", script.name]
        started = time.perf_counter()
        running = subprocess.Popen([wrk, *options, f"http://127.0.0.1:{port}"], stdout=subprocess.PIPE, text=True)
        while go_on(time.perf_counter() - started):
            time.sleep(0.1)
        running.send_signal(signal.SIGINT)  # it then says what it has found
        said = running.communicate()[0]
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", said)
    longest = re.search(r"Latency +\S+ +\S+ +([\d.]+)([a-z]+)", said)
    p99 = re.search(r"99% +([\d.]+)([a-z]+)", said)
    count = re.search(r"(\d+) requests in", said)
    rate = re.search(r"Requests/sec: +([\d.]+)", said)
    if not (longest and p99 and count and rate):
        raise RuntimeError(f"wrk said {said}")
    failed = int(refused[1]) if refused else 0
    answered = float(rate[1]) * (1 - failed / int(count[1]))
    return Load(answered, float(p99[1]) * _UNITS[p99[2]], float(longest[1]) * _UNITS[longest[2]], failed)


class _Connection(asyncio.Protocol):
    """Sends the next request as soon as one is answered, until it is stopped."""

    def __init__(self, path: Callable[[], str], milliseconds: list[float], refused: list[bytes]) -> None:
        self._path = path
        self._milliseconds = milliseconds
        self._refused = refused
        self._missing = 0  # bytes of the answer that are still to come
        self._asked = 0.0
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's transport is not a subclass
        self._ask()

    def _ask(self) -> None:
        self._asked = time.perf_counter()
        self._transport.write(f"GET {self._path()} HTTP/1.1\r\nHost: bench\r\n\r\n".encode())

    def data_received(self, data: bytes) -> None:
        if not self._missing:
            head, _, body = data.partition(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                self._refused.append(head)
            length = head.lower().split(b"content-length: ", 1)[1].split(b"\r\n", 1)[0]
            self._missing = int(length) - len(body)
        else:
            self._missing -= len(data)
        if not self._missing:
            self._milliseconds.append((time.perf_counter() - self._asked) * 1000)
            self._ask()


def _python(port: int, path: str, projects: int, connections: int, go_on: GoOn) -> Load:
    milliseconds: list[float] = []
    refused: list[bytes] = []
    random = Random(2)  # noqa: S311 - nothing secret

    def next_path() -> str:
        return path.format(random.randint(1, projects))

    async def run() -> float:
        loop = asyncio.get_running_loop()
        started = time.perf_counter()
        opened = [
            await loop.create_connection(lambda: _Connection(next_path, milliseconds, refused), "127.0.0.1", port)
            for _ in range(connections)
        ]
        while go_on(time.perf_counter() - started):
            await asyncio.sleep(0.1)
        seconds = time.perf_counter() - started
        for transport, _ in opened:
            transport.abort()
        return seconds

    seconds = uvloop.run(run())
    milliseconds.sort()
    answered = len(milliseconds) - len(refused)
    return Load(answered / seconds, milliseconds[len(milliseconds) * 99 // 100], milliseconds[-1], len(refused))
