"""A pooler of transactions in front of a Postgres, as PgBouncer is one with pool_mode = transaction.

Speaks as much of the protocol as that takes (https://www.postgresql.org/docs/current/protocol-message-formats.html):
a login passes through to a server connection, which then belongs to all; each transaction gets the one that was put
back last, until the server reports its end.
"""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from select import select

from pyzn_local.ports import free_port

SSL_REQUEST, GSS_REQUEST = 80877103, 80877104


class ClosedError(Exception):
    """One side has hung up."""


@contextmanager
def transaction_pooler(server_port: int) -> Iterator[int]:
    """Run a pooler, and give its port, in front of the server on loopback that listens on `server_port`."""
    port = free_port()
    pool: list[socket.socket] = []
    clients: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", port)) as listening:

        def accept() -> None:
            with suppress(OSError):  # closed at the end
                while True:
                    client, _ = listening.accept()
                    clients.append(client)
                    threading.Thread(target=_serve, args=(client, server_port, pool), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield port
        listening.shutdown(socket.SHUT_RDWR)
    for each in [*clients, *pool]:
        each.close()


def _serve(client: socket.socket, server_port: int, pool: list[socket.socket]) -> None:
    with suppress(ClosedError, OSError):
        # At the bottom: PgBouncer makes no new connection while an old one is free.
        pool.insert(0, _login(client, server_port))
        server: socket.socket | None = None
        while True:
            readable, _, _ = select([client] + ([server] if server else []), [], [])
            if client in readable:
                kind, message = _read(client)
                if kind == b"X":
                    raise ClosedError
                server = server or pool.pop()
                server.sendall(message)
            elif server is not None:
                kind, message = _read(server)
                client.sendall(message)
                if kind == b"Z" and message[-1:] == b"I":  # ready, and in no transaction
                    pool.append(server)
                    server = None
    client.close()


def _login(client: socket.socket, server_port: int) -> socket.socket:
    """Pass a login through. The key that the client gets is the pooler's own, not the backend's."""
    while struct.unpack("!I", (start := _startup(client))[4:8])[0] in {SSL_REQUEST, GSS_REQUEST}:
        client.sendall(b"N")
    server = socket.create_connection(("127.0.0.1", server_port))
    server.sendall(start)
    while True:
        kind, message = _read(server)
        if kind == b"K":
            message = message[:5] + struct.pack("!II", 1, 1)
        client.sendall(message)
        if kind == b"Z":
            return server
        if kind == b"R" and struct.unpack("!I", message[5:9])[0] in {10, 11}:  # the rounds of SCRAM
            server.sendall(_read(client)[1])


def _startup(client: socket.socket) -> bytes:
    length = _exactly(client, 4)
    return length + _exactly(client, struct.unpack("!I", length)[0] - 4)


def _read(source: socket.socket) -> tuple[bytes, bytes]:
    """Return the kind of the next message, and all of it."""
    head = _exactly(source, 5)
    return head[:1], head + _exactly(source, struct.unpack("!I", head[1:])[0] - 4)


def _exactly(source: socket.socket, count: int) -> bytes:
    if len(found := source.recv(count, socket.MSG_WAITALL)) < count:
        raise ClosedError
    return found
