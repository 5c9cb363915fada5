"""A TCP proxy on loopback that breaks a connection at a given byte."""

import socket
import struct
import threading
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
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
    """A context manager that forwards bytes to HOST:PORT. `passed` counts them by direction, upwards first."""

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self._server = (host, int(port))
        self._lock = threading.Lock()
        self._fault: Fault | None = None
        self.passed = [0, 0]

    @property
    def address(self) -> str:
        """Return the proxy's HOST:PORT."""
        return f"127.0.0.1:{self.port}"

    def arm(self, fault: Fault | None) -> bool:
        """Break one connection, counting bytes from now on. None: forward everything. Return whether none was left."""
        with self._lock:
            struck = self._fault is None
            self._fault = fault
            self.passed = [0, 0]
        return struck

    def __enter__(self) -> Self:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _accept(self) -> None:
        with suppress(OSError):  # it is closed
            while True:
                client, _ = self._listening.accept()
                try:
                    server = socket.create_connection(self._server, 10)
                except OSError:
                    client.close()  # as if the server were away
                    continue
                server.settimeout(None)
                stalled = threading.Event()
                for ends in ((client, server, True), (server, client, False)):
                    threading.Thread(target=self._carry, args=(*ends, stalled), daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket, upwards: bool, stalled: threading.Event) -> None:
        """Forward one direction of a connection to its end, or to a fault. Then close both ends."""
        with suppress(OSError):
            while chunk := source.recv(CHUNK):
                if stalled.is_set():
                    continue
                fault, kept = self._met(upwards, len(chunk))
                sink.sendall(chunk[:kept])
                if fault and fault.kind is Kind.STALL:
                    stalled.set()
                elif fault:
                    if fault.kind is Kind.RESET:
                        for end in (source, sink):
                            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    break
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RD)  # wakes the other direction, and sends nothing
            end.close()

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
