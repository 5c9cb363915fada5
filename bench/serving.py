"""Measures the API: compared with pgbench and the same SQL, with its static route, and while a day is published."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

import psutil
import psycopg

from bench.database import Database, database, fill
from bench.figures import Figure
from bench.load import GoOn, Load, get, load, reads_per_second, require_wrk, running
from bench.peer import peer
from bench.publishing import publish
from bench.synthetic_day import PROJECTS, SyntheticDay
from pyzn_api.windows import Window, last_days, since_month_of_90_days_ago

MOST_PROJECTS = 10_000  # with a year of days; this needs a few minutes and GiB
LEAST_PROJECTS = 500
SECONDS = 5  # for each load
MIB = 2**20
TODAY = datetime.now(UTC).date()
WINDOW = since_month_of_90_days_ago(TODAY)
ROUNDS = 3  # of two that are compared, in turn; the medians count

V2 = "/api/v2/projects/project-{}"
SMALL = "/api/projects/project-{}"
STATIC = "/health-check"
RECENT = "/api/packages/project-{}/recent"
OVERALL = "/api/packages/project-{}/overall"


def figures(size: float, folder: Path) -> Iterator[Figure]:
    """Yield all figures, on a year of days (a quarter for a small size): the settled ones packed, the last ones not."""
    require_wrk()
    projects = max(LEAST_PROJECTS, min(MOST_PROJECTS, round(MOST_PROJECTS * size)))
    seconds = min(SECONDS, max(1, SECONDS * size * 10))
    with database(folder / "serving") as own:
        yesterday = TODAY - timedelta(days=1)
        publish(own, yesterday, projects / PROJECTS, folder)
        fill(own, [yesterday - timedelta(days=n) for n in range(1, 366 if size >= 0.1 else 100)], yesterday)
        subprocess.run([sys.executable, "-c", _PACK, own.owner_url, str(TODAY)], check=True, stdout=subprocess.DEVNULL)
        yield from _api(own, projects, seconds, size, folder)


_PACK = """
import sys
from datetime import date
from pydantic import SecretStr
from pyzn_pipeline.store.database import engine
from pyzn_pipeline.maintenance.packing import pack_settled
print(len(list(pack_settled(engine(SecretStr(sys.argv[1])), date.fromisoformat(sys.argv[2])))))
"""


def _api(own: Database, projects: int, seconds: float, size: float, folder: Path) -> Iterator[Figure]:
    def for_seconds(elapsed: float) -> bool:
        return elapsed < seconds

    with running(own.api_url, cache_bytes=0) as (port, process):
        for path, sql, window in (V2, "project_by_version", WINDOW), (RECENT, "pypistats_recent", last_days(TODAY, 30)):
            yield _uncached(own, port, projects, seconds, path, sql, window)
        yield from _beside_peer(own, port, projects, for_seconds)
        quiet = load(port, SMALL, projects, 50, for_seconds)
        SyntheticDay.make(TODAY, size, folder)
        day = str(TODAY), str(folder), str(size)
        busy = _while(port, projects, "-m", "bench.one_day", "publish", own.owner_url, *day)
        yield _waits("a day is published", quiet, busy)
        _fill_two_months(own)
        packing = _while(port, projects, "-c", _PACK, own.owner_url, str(TODAY))
        yield _waits("months are packed", quiet, packing)
        yield Figure(
            "the longest wait of these clients while months are packed",
            f"{packing.longest:.0f} ms", "200 ms", packing.longest / 200, "≤ 1.0",
        )  # fmt: skip
        yield _heavy(port, process)
    with running(own.api_url, cache_bytes=256 * MIB) as (port, _):
        pairs = [
            (load(port, V2.format(100), 1, 8, for_seconds).per_second, load(port, STATIC, 1, 8, for_seconds).per_second)
            for _ in range(ROUNDS)
        ]
        cached, static = (median(rates) for rates in zip(*pairs, strict=True))
        yield Figure("API cached", f"{cached:,.0f}/s", f"{static:,.0f}/s static route", cached / static, "≥ 0.8")


def _uncached(own: Database, port: int, projects: int, seconds: float, path: str, sql: str, window: Window) -> Figure:
    """Request `path` in turn with pgbench and its statement, so that both see the same machine."""
    rounds = [
        (
            load(port, path, projects, 8, lambda elapsed: elapsed < seconds).per_second,
            reads_per_second(own, sql, window, projects, seconds),
        )
        for _ in range(ROUNDS)
    ]
    ours, peer_rate = (median(rates) for rates in zip(*rounds, strict=True))
    return Figure(
        f"API uncached, {path.format('N')}, one process, 8 connections",
        f"{ours:,.0f}/s", f"{peer_rate:,.0f}/s pgbench", ours / peer_rate, "≥ 0.4",
    )  # fmt: skip


def _beside_peer(own: Database, port: int, projects: int, go_on: GoOn) -> Iterator[Figure]:
    """Compare, in turn, with a service as pypistats.org is built, both with one process and no cache."""
    with peer(own) as other:
        for path in (RECENT, OVERALL):
            rounds = [
                (load(port, path, projects, 8, go_on), load(other, path, projects, 8, go_on)) for _ in range(ROUNDS)
            ]
            rates = [median(each.per_second for each in loads) for loads in zip(*rounds, strict=True)]
            yield Figure(
                f"{path.format('N')}",
                f"{rates[0]:,.0f}/s", f"{rates[1]:,.0f}/s Flask, SQLAlchemy, gunicorn", rates[0] / rates[1], "≥ 5.0",
            )  # fmt: skip


def _waits(doing: str, quiet: Load, busy: Load) -> Figure:
    return Figure(
        f"API p99 of a small answer, 50 connections, while {doing}",
        f"{busy.p99:.0f} ms, longest {busy.longest:.0f}, {busy.refused} refused",
        f"{quiet.p99:.0f} ms, longest {quiet.longest:.0f}, {quiet.refused} quiet",
        busy.p99 / quiet.p99, "≤ 2.0",
    )  # fmt: skip


def _while(port: int, projects: int, *program: str) -> Load:
    """Load the API while a program of Python runs."""
    running = subprocess.Popen([sys.executable, *program], stdout=subprocess.DEVNULL)
    found = load(port, SMALL, projects, 50, lambda _: running.poll() is None)
    if running.returncode:
        sys.exit(f"{program[1]} failed")
    return found


def _fill_two_months(own: Database) -> None:
    """Fill the days of two months before all others."""
    with psycopg.connect(own.owner_url) as driver:
        (first,) = driver.execute("SELECT min(day) FROM pyzn.project_days").fetchone() or (TODAY,)
    fill(own, [first - timedelta(days=n) for n in range(1, 62)], TODAY - timedelta(days=1))


def _heavy(port: int, process: psutil.Process) -> Figure:
    """Measure a year of the project with the most versions."""
    path = "/api/v3/pro/projects/project-1/downloads"
    taken, body = sorted(get(port, path) for _ in range(5))[2]
    answer = json.loads(body)
    started = time.perf_counter()
    json.dumps(answer)
    encoding = time.perf_counter() - started
    versions = max(map(len, answer["downloads"].values()))
    rss = process.memory_info().rss / MIB
    return Figure(
        f"a year of {versions:,} versions (v3), {len(body) / MIB:.1f} MiB; the server has {rss:.0f} MiB",
        f"{taken * 1000:.0f} ms", f"{encoding * 1000:.0f} ms json.dumps", taken / encoding, "≤ 3.0",
    )  # fmt: skip
