"""Generates HTTP load: requests over keep-alive connections, each as soon as the one before is answered."""

import asyncio
import time
from collections.abc import Callable
from typing import NamedTuple, cast

import uvloop


class Load(NamedTuple):
    """The result: answers a second, the 99th percentile in milliseconds, and how many answers were not 200."""

    per_second: float
    p99: float
    refused: int


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


def load(port: int, path: Callable[[], str], connections: int, go_on: Callable[[float], bool]) -> Load:
    """Request `path()` until `go_on` returns false. That is called ten times a second with the seconds so far."""
    milliseconds: list[float] = []
    refused: list[bytes] = []

    async def run() -> float:
        loop = asyncio.get_running_loop()
        started = time.perf_counter()
        opened = [
            await loop.create_connection(lambda: _Connection(path, milliseconds, refused), "127.0.0.1", port)
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
    return Load(answered / seconds, milliseconds[len(milliseconds) * 99 // 100], len(refused))
