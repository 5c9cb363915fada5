"""A TCP proxy on loopback that breaks a connection at a given byte."""

import select
import socket
import struct
import threading
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import Self

CHUNK = 16_384  # bytes


class Kind(StrEnum):
    """Kinds of broken connections."""

    CUT = "cut"  # closed, as when a server ends
    RESET = "reset"  # RST, as from a firewall that forgot the connection
    STALL = "stalled"  # open, but silent in both directions for ever; the proxy still acknowledges every packet


@dataclass
class Fault:
    """Breaks the connection that carries byte number `after` in this direction. The others go on."""

    kind: Kind
    upwards: bool
    """True: from the client to the server; False: back."""
    after: int


class Proxy:
    """A context manager that forwards bytes to `host:port`. `passed` counts them by direction, upwards first."""

    def __init__(self, host: str, port: int) -> None:
        self._server = (host, port)
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._fault: Fault | None = None
        self.passed = [0, 0]

    @property
    def address(self) -> str:
        """Return the proxy's HOST:PORT."""
        return f"127.0.0.1:{self.port}"

    def arm(self, fault: Fault | None) -> None:
        """Break one connection, counting bytes from now on. None: forward everything."""
        with self._lock:
            self._fault = fault
            self.passed = [0, 0]

    def __enter__(self) -> Self:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._closing.set()
        self._accepting.join()
        self._listening.close()

    def _accept(self) -> None:
        while not self._closing.is_set():
            readable, _, _ = select.select([self._listening], [], [], 0.2)
            if not readable:
                continue
            client, _ = self._listening.accept()
            threading.Thread(target=self._carry, args=(client,), daemon=True).start()

    def _carry(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(self._server, 10)
        except OSError:
            client.close()  # as if the server were away
            return
        with client, server:
            while not self._closing.is_set():
                readable, _, _ = select.select([client, server], [], [], 0.2)
                for source in readable:
                    if not self._pass_on(source, client, server):
                        return

    def _pass_on(self, source: socket.socket, client: socket.socket, server: socket.socket) -> bool:
        """Forward some bytes. Returns whether the connection goes on."""
        upwards = source is client
        try:
            chunk = source.recv(CHUNK)
            if not chunk:
                return False
            fault, kept = self._met(upwards, len(chunk))
            (server if upwards else client).sendall(chunk[:kept])
        except OSError:
            return False
        if fault is None:
            return True
        if fault.kind is Kind.RESET:
            for end in (client, server):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif fault.kind is Kind.STALL:
            self._hold(client, server)
        return False

    def _met(self, upwards: bool, size: int) -> tuple[Fault | None, int]:
        """Return the fault, if it is in the next `size` bytes, and how many of them are still forwarded."""
        with self._lock:
            before = self.passed[not upwards]
            self.passed[not upwards] += size
            fault = self._fault
            if fault is None or fault.upwards is not upwards or before + size <= fault.after:
                return None, size
            self._fault = None
            return fault, fault.after - before

    def _hold(self, *ends: socket.socket) -> None:
        """Keep the connections open and silent until one side closes."""
        while not self._closing.is_set():
            readable, _, _ = select.select(ends, [], [], 0.2)
            for end in readable:
                try:
                    if not end.recv(CHUNK):
                        return
                except OSError:
                    return
