"""HTTP/1.1 on a socket, with limits that uvicorn does not have, so that no client takes much of the server."""

import asyncio
import logging
import resource
import time
from typing import cast

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from pyzn_api.errors import envelope

CONNECTIONS = 2_000  # per process; each costs some 10 KB, and REQUEST_BYTES while a request arrives
OTHER_DESCRIPTORS = 200  # of the process: Postgres, files, listening sockets
REQUEST_BYTES = 2**16  # of a request, all in all: 128 names of 255 characters are 33 KB; no route takes a body
REQUEST_SECONDS = 20.0  # from the connection, or the first byte of a further request, to the last header

logger = logging.getLogger(__name__)


def raise_descriptor_limit() -> None:
    """Let the process have a descriptor for each connection, as far as the system allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = CONNECTIONS + OTHER_DESCRIPTORS
    if soft < needed:
        allowed = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))


class LimitedProtocol(HttpToolsProtocol):
    """Protocol that refuses requests that are too long (431) and connections too many (503), and closes idle ones."""

    _logged = -60.0  # monotonic seconds, of all connections

    _received = 0  # bytes of the current request; those before it in its first chunk count as well
    _chunk = 0
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for a request, or refuse a connection too many."""
        super().connection_made(cast("asyncio.Transport", transport))
        most = min(CONNECTIONS, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - OTHER_DESCRIPTORS)
        if len(self.connections) <= most:
            self._expect_request()
            return
        self._refuse(503, "The server has too many connections; try again shortly.")
        if time.monotonic() >= LimitedProtocol._logged + 60:
            LimitedProtocol._logged = time.monotonic()
            logger.warning("answered 503: %d connections are open; this is logged once a minute", most)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse bytes of a request, or of several, and refuse what is too long."""
        if self.transport.is_closing():
            return
        self._chunk = len(data)
        self._received += self._chunk
        super().data_received(data)
        if self._received > REQUEST_BYTES:
            self._refuse(431, f"The request is longer than {REQUEST_BYTES} bytes.")
        elif self._is_idle():
            self._expect_request()

    def on_message_begin(self) -> None:
        """Count the bytes of the request that begins, and wait for its headers."""
        self._received = self._chunk
        self._expect_request()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Stop waiting for the headers."""
        self._stop_timer()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Count from zero again."""
        self._received = 0
        super().on_message_complete()

    def _is_idle(self) -> bool:
        return getattr(self.cycle, "response_complete", True)  # there is no cycle before the first request

    def _expect_request(self) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(REQUEST_SECONDS, self.transport.close)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _refuse(self, status: int, message: str) -> None:
        if self.transport.is_closing():
            return
        if self._is_idle():  # or this would be amid another answer
            answer = envelope(status, message, {"Connection": "close", "Retry-After": "2"} if status == 503 else None)
            headers = b"".join(b"%b: %b\r\n" % header for header in answer.raw_headers)
            self.transport.write(STATUS_LINE[status] + headers + b"\r\n" + bytes(answer.body))
        self.transport.close()
