"""The API as a process, and one request to it."""

import http.client
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from pyzn_local.ports import free_port


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
def running(api_url: str, cache_bytes: int) -> Iterator[tuple[int, psutil.Process]]:
    """Run the API on that database; yields its port and its process."""
    port = free_port()
    settings = {"PYZN_API_DATABASE_URL": api_url, "PYZN_API_PORT": str(port), "PYZN_API_CACHE_BYTES": str(cache_bytes)}
    process = subprocess.Popen([sys.executable, "-m", "pyzn_api"], env=os.environ | settings, stderr=subprocess.DEVNULL)
    try:
        while not answers(port):
            time.sleep(0.1)
        yield port, psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait()


def answers(port: int, path: str = "/health-check") -> bool:
    """Return whether the server listens there. Raises RuntimeError if its answer is not 200."""
    try:
        get(port, path)
    except ConnectionRefusedError:
        return False
    return True
