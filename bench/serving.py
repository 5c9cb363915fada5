"""Measures the API: compared with pgbench and the same SQL, with its static route, and while a day is published."""

import json
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import psutil

from bench.database import database
from bench.figures import MIB, Figure, in_turn
from bench.filled_days import TODAY, YESTERDAY, fill, publish_and_fill
from bench.load import SMALL, End, Load, get, load, reads_per_second, require_wrk, running_api
from bench.one_day import in_a_process, pack, process, publish_made
from bench.peer import running_peer
from bench.synthetic_day import SyntheticDay
from pyzn_api.windows import last_days, since_month_of_90_days_ago

SECONDS = 5  # for each load

V2 = "/api/v2/projects/project-{}"
STATIC = "/health-check"
RECENT = "/api/packages/project-{}/recent"
OVERALL = "/api/packages/project-{}/overall"
STATEMENTS = {
    V2: ("project_by_version", since_month_of_90_days_ago(TODAY)),
    RECENT: ("pypistats_recent", last_days(TODAY, 30)),
}


def figures(size: float, folder: Path) -> Iterator[Figure]:
    """Yield all figures, on a year of days (a quarter for a small size): the settled ones packed, the last ones not."""
    require_wrk()
    seconds = min(SECONDS, max(1, SECONDS * size * 10))
    days = 366 if size >= 0.1 else 100
    with database(folder / "serving") as own:
        projects = publish_and_fill(own, size, days, folder)
        in_a_process(pack, own.owner_url, TODAY)
        with running_api(own.api_url, cache_bytes=0) as (port, api):

            def rate(path: str, port: int = port) -> Callable[[], float]:
                return lambda: load(port, path, projects, 8, seconds).per_second

            for path, (statement, window) in STATEMENTS.items():
                ours, peer = in_turn(rate(path), partial(reads_per_second, own, statement, window, projects, seconds))
                name = f"API uncached, {path.format('N')}, one process, 8 connections"
                yield Figure(name, ours, peer, "/s", "pgbench", "≥ 0.4")
            with running_peer(own) as peer_port:
                for path in (RECENT, OVERALL):
                    ours, peer = in_turn(rate(path), rate(path, peer_port))
                    yield Figure(path.format("N"), ours, peer, "/s", "Flask, SQLAlchemy, gunicorn", "≥ 5.0")

            def small(end: End) -> Load:
                return load(port, SMALL, projects, 50, end)

            quiet = small(seconds)
            made = in_a_process(SyntheticDay.make, YESTERDAY, size, folder)
            with process() as other:
                yield _waits("a day is published", quiet, small(other.submit(publish_made, own.owner_url, made)))
            fill(own, range(days, days + 61))  # two months before all others
            with process() as other:
                packing = small(other.submit(pack, own.owner_url, TODAY))
            yield _waits("months are packed", quiet, packing)
            name = "the longest wait of these clients while months are packed"
            yield Figure(name, packing.longest, 200, "ms", "", "≤ 1.0")
            yield _heavy(port, api)
        with running_api(own.api_url, cache_bytes=256 * MIB) as (port, _):
            cached, static = in_turn(rate(V2.format(100), port), rate(STATIC, port))
            yield Figure("API cached", cached, static, "/s", "static route", "≥ 0.8")


def _waits(doing: str, quiet: Load, busy: Load) -> Figure:
    name = (
        f"API p99 of a small answer, 50 connections, while {doing}: longest {busy.longest:.0f} ms, "
        f"{busy.refused} refused; quiet {quiet.longest:.0f} ms, {quiet.refused} refused"
    )
    return Figure(name, busy.p99, quiet.p99, "ms", "quiet", "≤ 2.0")


def _heavy(port: int, api: psutil.Process) -> Figure:
    """Measure a year of the project with the most versions."""
    path = "/api/v3/pro/projects/project-1/downloads"
    taken, body = sorted(get(port, path) for _ in range(5))[2]
    answer = json.loads(body)
    started = time.perf_counter()
    json.dumps(answer)
    encoding = time.perf_counter() - started
    versions = max(map(len, answer["downloads"].values()))
    size, memory = len(body) / MIB, api.memory_info().rss / MIB
    name = f"a year of {versions:,} versions (v3), {size:.1f} MiB; the server has {memory:.0f} MiB"
    return Figure(name, taken * 1000, encoding * 1000, "ms", "json.dumps", "≤ 3.0")
