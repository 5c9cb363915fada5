"""Limits of connections and of what a client sends."""

import json
import logging
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest

from pyzn_api import protocol
from tests.api.conftest import connect, serving, settings
from tests.waiting import wait_until

HEALTHY = b"GET /health-check HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.fixture(scope="module")
def server() -> Iterator[httpx.Client]:
    """A server with short limits that needs no database."""
    with pytest.MonkeyPatch.context() as limits, serving(settings("postgresql://a:b@127.0.0.1:1/c")) as client:
        limits.setattr(protocol, "REQUEST_SECONDS", 1)
        limits.setattr(protocol, "CONNECTIONS", 5)
        yield client


def rest(connection: socket.socket) -> bytes:
    """Everything until the server hangs up."""
    with connection.makefile("rb") as answer:
        return answer.read()


def assert_refused(answer: bytes, status: int) -> None:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert json.loads(body)["error"] == status


@pytest.mark.parametrize("endless", [b"x" * 1000, b"X: " + b"x" * 995 + b"\r\n"])
def test_a_request_without_an_end_is_431(server: httpx.Client, endless: bytes) -> None:
    begin = HEALTHY[:-2] + b"X: "
    with connect(server) as connection, pytest.raises(OSError, match=r"reset|[Bb]roken"):
        connection.sendall(begin + endless * 100_000)  # a hundred megabytes
    with connect(server) as connection:
        connection.sendall(begin + endless * 66)
        assert_refused(rest(connection), 431)


def test_a_long_url_is_answered(server: httpx.Client) -> None:
    names = "&".join("name=" + "a" * 255 for _ in range(128))
    assert server.get(f"/health-check?{names}").status_code == 200


@pytest.mark.parametrize("begun", [b"", b"\r\n", HEALTHY[:20], HEALTHY[:-2], HEALTHY + HEALTHY[:9]])
def test_who_does_not_ask_is_hung_up_on(server: httpx.Client, begun: bytes) -> None:
    with connect(server) as connection:
        connection.sendall(begun)
        assert rest(connection).count(b"HTTP/1.1 200 OK") == begun.count(HEALTHY)


def test_a_connection_too_many_is_answered_and_logged(
    server: httpx.Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(protocol, "REQUEST_SECONDS", 30)
    monkeypatch.setattr(protocol.LimitedProtocol, "_logged", -60.0)
    with ExitStack() as stack, caplog.at_level(logging.WARNING):
        for _ in range(5):
            stack.enter_context(connect(server)).sendall(HEALTHY[:9])
        for _ in range(3):
            with connect(server) as another:
                assert_refused(rest(another), 503)
        assert caplog.text.count("answered 503: 5 connections are open") == 1

    def answered() -> bool:  # once the server has seen that the five are gone
        with connect(server) as connection:
            connection.sendall(HEALTHY.replace(b"Host: a", b"Host: a\r\nConnection: close"))
            return rest(connection).startswith(b"HTTP/1.1 200 OK")

    wait_until(answered)
