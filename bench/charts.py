"""Measures how much charts slow down other requests.

On the database of `bench.api_large_answer`, one client asks for charts as fast as they come, of a project with one
version and of one with 3,000, each newly counted and drawn, while small requests, one cached and one not, continue all
the time. In turn with small requests alone, so that both see the same machine.

    python -m bench.charts
"""

import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from itertools import count, cycle, product
from multiprocessing import get_context
from pathlib import Path

import psutil

from bench.api_large_answer import MIB, api, ask_small, get, p99, say
from pyzn_local.ports import free_port
from pyzn_local.postgres import Postgres

ROUNDS = 4
SECONDS = 6.0  # of each part of a round
_numbers = count()
QUERIES = [
    f"range={chosen}&theme={theme}&{by}"
    for chosen, theme, by in product(
        ["month", "quarter", "year", "all"], ["light", "dark"],
        ["", "by=version", "by=country", "by=country&kind=map", "by=python"],
    )
]  # fmt: skip


def draw(port: int, project: str, seconds: float) -> list[float]:
    """Ask for one chart after the other; milliseconds of each, sorted."""
    until = time.monotonic() + seconds
    taken: list[float] = []
    for query in cycle(QUERIES):  # more of them than the cache has room for
        if time.monotonic() > until:
            break
        got = get(port, f"/chart/{project}.svg?{query}", "gzip")
        if got.status != 200:
            raise RuntimeError(f"{project}, {query} is {got.status}: {got.start!r}")
        taken.append(got.seconds * 1000)
    return sorted(taken)


def main() -> None:
    """Measure and print."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Postgres(Path(folder) / "postgres", free_port()).running() as postgres,
        api(postgres) as (port, process),
        ProcessPoolExecutor(1, get_context("spawn")) as client,
    ):
        client.submit(draw, port, "small", SECONDS).result()
        for project in ("small", "large"):
            _measure(port, process, client, project)
        say(f"memory: API {process.memory_info().rss / MIB:.0f} MiB")


def _measure(port: int, process: psutil.Process, client: ProcessPoolExecutor, project: str) -> None:
    quiet: tuple[list[float], list[float]] = ([], [])
    busy: tuple[list[float], list[float]] = ([], [])
    drawn: list[float] = []
    for _ in range(ROUNDS):
        until = time.monotonic() + SECONDS
        alone = ask_small(port, process, _numbers, lambda: time.monotonic() < until)  # noqa: B023 - ends in this turn
        charts = client.submit(draw, port, project, SECONDS)
        beside = ask_small(port, process, _numbers, lambda: not charts.done())  # noqa: B023 - the same
        drawn += charts.result()
        for both, found in ((quiet, alone), (busy, beside)):
            both[0].extend(found.cached)
            both[1].extend(found.uncached)
    drawn.sort()
    rate = len(drawn) / ROUNDS / SECONDS
    say(f"{project}: {rate:.1f} charts/s, {drawn[len(drawn) // 2]:.0f} ms, p99 {p99(drawn):.0f} ms")
    for name, before, after in zip(("cached", "not cached"), quiet, busy, strict=True):
        slow, usual = p99(sorted(after)), p99(sorted(before))
        say(f"    p99 of a small answer, {name}: {slow:.1f} ms, quiet {usual:.1f} ms, {slow / usual:.2f} (limit 1.5)")


if __name__ == "__main__":
    main()
