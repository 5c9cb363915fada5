"""Measures the API's largest answers, and how much they slow down other requests.

Fills an embedded Postgres with a project of 3,000 versions on each of 365 days and starts `python -m pyzn_api` on
it. Then it requests the large answers, plain and compressed, one and four at once, while small requests, one cached
and one not, continue all the time. Prints a line per large answer: what came back, how long it took, the server's
largest memory, and how much slower the small requests were.

    python -m bench.api_large_answer
"""

import http.client
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import psutil
import psycopg
from pydantic import SecretStr

import tests  # noqa: F401 - importing it removes the caller's settings from the environment
from pyzn_local.ports import free_port
from pyzn_local.postgres import Postgres
from pyzn_pipeline.postgres_url import with_driver
from pyzn_pipeline.store.database import engine
from pyzn_pipeline.store.schema import migrate

PAUSE = 0.005  # seconds between two small requests
QUIET = 4.0  # seconds of small requests alone
AT_ONCE = 4  # large answers
MIB = 2**20  # bytes

START = datetime.now(UTC).date() - timedelta(days=365)
LARGE = {
    "v2": "/api/v2/projects/large",
    "v3": "/api/v3/pro/projects/large/downloads",
    "v3 without CI": "/api/v3/pro/projects/large/downloads?includeCIDownloads=false",
    "v3 countries": "/api/v3/pro/projects/large/country-downloads",
    "v4 totals": "/api/v4/projects/large",
    "v4 JSON": f"/api/v4/projects/large/versions?start={START}",
    "v4 CSV": f"/api/v4/projects/large/versions?start={START}&format=csv",
    "v4 by month": f"/api/v4/projects/large/versions?start={START}&granularity=month",
    "v4 one series": f"/api/v4/projects/large/versions?start={START}&version=1.7.*",
    "v4 countries": f"/api/v4/projects/large/countries?start={START}",
}


class Got(NamedTuple):
    """An answer, as the client received it."""

    status: int
    size: int  # bytes of the body on the wire
    seconds: float
    start: bytes


def get(port: int, path: str, encoding: str = "identity") -> Got:
    """One request on its own connection."""
    started = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", path, headers={"Accept-Encoding": encoding})
    response = connection.getresponse()
    start = response.read(200)
    size = len(start) + sum(len(part) for part in iter(lambda: response.read(MIB), b""))
    connection.close()
    return Got(response.status, size, time.perf_counter() - started, start)


class Small(NamedTuple):
    """The results of small requests: milliseconds, sorted, and the server's largest resident memory meanwhile."""

    cached: list[float]
    uncached: list[float]
    rss: int  # bytes


def ask_small(port: int, process: psutil.Process, numbers: Iterator[int], go_on: Callable[[], bool]) -> Small:
    """Send a cached and an uncached request in turn, while `go_on` returns true."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    cached: list[float] = []
    uncached: list[float] = []
    rss = 0
    while go_on():
        for found, path in (
            (cached, "/api/projects/small"),
            (uncached, f"/api/v4/projects/small/versions?version=1.*{next(numbers)}"),
        ):
            started = time.perf_counter()
            connection.request("GET", path)
            response = connection.getresponse()
            response.read()
            found.append((time.perf_counter() - started) * 1000)
            if response.status != 200:
                sys.exit(f"{path} is {response.status}")
            rss = max(rss, process.memory_info().rss)
            time.sleep(PAUSE)
    connection.close()
    return Small(sorted(cached), sorted(uncached), rss)


def p99(values: list[float]) -> float:
    """The 99th percentile of sorted values."""
    return values[len(values) * 99 // 100]


@contextmanager
def api(postgres: Postgres) -> Iterator[tuple[int, psutil.Process]]:
    """The API on a filled database: its port and its process."""
    postgres.ensure_role("pyzn", "owner")
    postgres.ensure_database("pyzn", "pyzn")
    owner_url, api_url = postgres.url("pyzn", "pyzn", "owner"), postgres.url("pyzn", "pyzn_api", "api")
    migrate(engine(SecretStr(owner_url)), with_driver(SecretStr(api_url)))
    with psycopg.connect(owner_url) as owner:
        owner.execute(Path(__file__).with_suffix(".sql").read_bytes())
    # The cache has room only for small answers, so every large one is computed again.
    with running(api_url, MIB) as process:
        yield process


@contextmanager
def running(api_url: str, cache_bytes: int) -> Iterator[tuple[int, psutil.Process]]:
    """The API as a process on that database: its port and the process."""
    port = free_port()
    settings = {"PYZN_API_DATABASE_URL": api_url, "PYZN_API_PORT": str(port), "PYZN_API_CACHE_BYTES": str(cache_bytes)}
    process = subprocess.Popen([sys.executable, "-m", "pyzn_api"], env=os.environ | settings, stderr=subprocess.DEVNULL)
    try:
        while not _is_ready(port):
            time.sleep(0.1)
        yield port, psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait()


def _is_ready(port: int) -> bool:
    try:
        return get(port, "/api/v4/status").status == 200
    except ConnectionRefusedError:
        return False


def main() -> None:
    """Print a line per large answer."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Postgres(Path(folder) / "postgres", free_port()).running() as postgres,
        api(postgres) as (port, process),
        ProcessPoolExecutor(AT_ONCE, get_context("spawn")) as clients,
    ):
        numbers = count()
        list(clients.map(get, [port] * 100, ["/health-check"] * 100))  # starts all threads before the measurement
        until = time.monotonic() + QUIET
        alone = ask_small(port, process, numbers, lambda: time.monotonic() < until)
        say(
            f"alone: p99 {p99(alone.cached):.1f} ms cached, {p99(alone.uncached):.1f} ms not; {alone.rss / MIB:.0f} MiB"
        )
        asked = [(name, encoding, [path]) for name, path in LARGE.items() for encoding in ("identity", "gzip")]
        # Four patterns that match all versions, so that four different answers are computed.
        asked.append(("v4 JSON", "gzip", [f"{LARGE['v4 JSON']}&version={'*' * n}" for n in range(2, 2 + AT_ONCE)]))
        for name, encoding, paths in asked:
            running = [clients.submit(get, port, path, encoding) for path in paths]
            small = ask_small(port, process, numbers, lambda: not all(each.done() for each in running))  # noqa: B023  # ends in this turn
            for each in running:
                status, size, seconds, start = each.result()
                what = f"{size / MIB:.1f} MiB" if status == 200 else start.decode()
                say(f"{name} x {len(paths)}, {encoding}: {status} in {seconds:.2f} s, {what}")
            cached, uncached = p99(small.cached), p99(small.uncached)
            say(
                f"    {len(small.cached)} small: p99 {cached:.1f} ms cached (+{cached - p99(alone.cached):.1f}), "
                f"{uncached:.1f} ms not (+{uncached - p99(alone.uncached):.1f}), most {small.cached[-1]:.1f} and "
                f"{small.uncached[-1]:.1f} ms; {small.rss / MIB:.0f} MiB"
            )


def say(line: str) -> None:
    """One line of the report."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
