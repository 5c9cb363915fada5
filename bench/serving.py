"""Measures the API: compared with pgbench and the same SQL, with its static route, and while a day is published."""

import http.client
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from statistics import median

import psutil
import psycopg
from sqlalchemy import text

from bench.api_large_answer import get, running
from bench.database import Database, database
from bench.figures import Figure
from bench.http_load import CLIENT, GoOn, Load, load
from bench.peer import peer
from bench.pgbench import reads_per_second
from bench.publishing import publish
from bench.synthetic_day import PROJECTS, SyntheticDay
from pyzn_api.windows import Window, last_days, last_months, since_month_of_90_days_ago
from pyzn_pipeline.store.partitions import ensure_partition
from pyzn_pipeline.store.staging import COLUMNS

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
    """All figures, on a year of days (a quarter for a small size): the settled ones packed, the last ones not."""
    projects = max(LEAST_PROJECTS, min(MOST_PROJECTS, round(MOST_PROJECTS * size)))
    seconds = min(SECONDS, max(1, SECONDS * size * 10))
    with database(folder / "serving") as own:
        yesterday = TODAY - timedelta(days=1)
        publish(own, yesterday, projects / PROJECTS, folder)
        _fill(own, [yesterday - timedelta(days=n) for n in range(1, 31)], yesterday)
        month = reads_per_second(own, "project_daily", last_days(TODAY, 30), projects, seconds)
        _fill(own, [yesterday - timedelta(days=n) for n in range(31, 366 if size >= 0.1 else 100)], yesterday)
        before = reads_per_second(own, "downloads_by_version", last_months(TODAY, 12), projects, seconds)
        yield _packing(own, projects)
        after = reads_per_second(own, "downloads_by_version", last_months(TODAY, 12), projects, seconds)
        yield Figure(
            "a year of a project, reads/s once packed", f"{after:,.0f}", f"{before:,.0f} before", after / before, ""
        )
        year = reads_per_second(own, "project_daily", last_days(TODAY, 30), projects, seconds)
        yield Figure(
            "the same query on a year of data",
            f"{1000 / year:.2f} ms",
            f"{1000 / month:.2f} ms on a month",
            month / year,
            "≤ 1.2",
        )
        yield from _api(own, projects, seconds, size, folder)


def _fill(own: Database, days: list[date], like: date) -> None:
    """Give `days` the content of the published day `like`, each in its own partition, as after a publication."""
    for day in days:
        ensure_partition(own.store, day)
        with own.store.begin() as connection:
            columns = ", ".join(COLUMNS)
            connection.execute(
                text(
                    f"INSERT INTO pyzn.project_days (day, {columns}) "
                    f"SELECT :day, {columns} FROM pyzn.project_days WHERE day = :like ORDER BY project"
                ),
                {"day": day, "like": like},
            )
            query = (Path(__file__).parent / "fill_day.sql").read_text(encoding="utf-8")
            connection.execute(text(query), {"day": day, "like": like})
    with psycopg.connect(own.owner_url, autocommit=True) as driver:
        driver.execute("VACUUM ANALYZE pyzn.project_days, pyzn.projects, pyzn.days")


def _packing(own: Database, projects: int) -> Figure:
    """The longest wait of a reader while all closed months were packed."""
    query = "SELECT sum(downloads) FROM pyzn.project_days WHERE project = %s AND day >= %s"
    packing = subprocess.Popen(
        [sys.executable, "-c", _PACK, own.owner_url, str(TODAY)], stdout=subprocess.PIPE, text=True
    )
    waits: list[float] = []
    random = Random(1)  # noqa: S311 - nothing secret
    with psycopg.connect(own.api_url, autocommit=True) as reader:
        while packing.poll() is None:
            started = time.perf_counter()
            reader.execute(query, [f"project-{random.randint(1, projects)}", TODAY - timedelta(days=365)]).fetchone()
            waits.append((time.perf_counter() - started) * 1000)
    if packing.returncode:
        sys.exit("packing failed")
    waits.sort()
    return Figure(
        f"a reader's longest wait while {packing.communicate()[0].strip()} months are packed",
        f"{waits[-1]:.0f} ms (p99 {waits[len(waits) * 99 // 100]:.1f})", "200 ms", waits[-1] / 200, "≤ 1.0",
    )  # fmt: skip


_PACK = """
import sys
from datetime import date
from pydantic import SecretStr
from pyzn_pipeline.store.database import engine
from pyzn_pipeline.store.packing import pack_settled
print(len(list(pack_settled(engine(SecretStr(sys.argv[1])), date.fromisoformat(sys.argv[2])))))
"""


def _api(own: Database, projects: int, seconds: float, size: float, folder: Path) -> Iterator[Figure]:
    def for_seconds(elapsed: float) -> bool:
        return elapsed < seconds

    with running(own.api_url, cache_bytes=0) as (port, process):
        for path, sql, window in (
            (V2, "project_by_version", WINDOW),
            (RECENT, "pypistats_recent", last_days(TODAY, 30)),
        ):
            yield _uncached(own, port, projects, seconds, path, sql, window)
        yield from _beside_peer(own, port, projects, for_seconds)
        quiet = load(port, SMALL, projects, 50, for_seconds)
        busy = _while_publishing(own, port, projects, size, folder)
        yield _waits("a day is published", quiet, busy)
        packing = _while_packing(own, port, projects)
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
        yield Figure(
            f"API cached ({CLIENT})", f"{cached:,.0f}/s", f"{static:,.0f}/s static route", cached / static, "≥ 0.8"
        )


def _uncached(own: Database, port: int, projects: int, seconds: float, path: str, sql: str, window: Window) -> Figure:
    """Requests for `path` in turn with pgbench and its statement, so that both see the same machine."""
    rounds = [
        (
            load(port, path, projects, 8, lambda elapsed: elapsed < seconds).per_second,
            reads_per_second(own, sql, window, projects, seconds),
        )
        for _ in range(ROUNDS)
    ]
    ours, peer_rate = (median(rates) for rates in zip(*rounds, strict=True))
    return Figure(
        f"API uncached, {path.format('N')}, one process, 8 connections ({CLIENT})",
        f"{ours:,.0f}/s", f"{peer_rate:,.0f}/s pgbench", ours / peer_rate, "≥ 0.4",
    )  # fmt: skip


def _beside_peer(own: Database, port: int, projects: int, go_on: GoOn) -> Iterator[Figure]:
    """The same requests to a service as pypistats.org is built, in turn, both with one process and no cache."""
    with peer(own) as other:
        for path in (RECENT, OVERALL):
            rounds = [
                (load(port, path, projects, 8, go_on), load(other, path, projects, 8, go_on)) for _ in range(ROUNDS)
            ]
            rates = [median(each.per_second for each in loads) for loads in zip(*rounds, strict=True)]
            yield Figure(
                f"{path.format('N')} ({CLIENT})",
                f"{rates[0]:,.0f}/s", f"{rates[1]:,.0f}/s Flask, SQLAlchemy, gunicorn", rates[0] / rates[1], "≥ 5.0",
            )  # fmt: skip


def _waits(doing: str, quiet: Load, busy: Load) -> Figure:
    return Figure(
        f"API p99 of a small answer, 50 connections, while {doing} ({CLIENT})",
        f"{busy.p99:.0f} ms, longest {busy.longest:.0f}, {busy.refused} refused",
        f"{quiet.p99:.0f} ms, longest {quiet.longest:.0f}, {quiet.refused} quiet",
        busy.p99 / quiet.p99, "≤ 2.0",
    )  # fmt: skip


def _while_publishing(own: Database, port: int, projects: int, size: float, folder: Path) -> Load:
    """The load while a process publishes a day of `size`."""
    SyntheticDay.make(TODAY, size, folder)
    command = [sys.executable, "-m", "bench.publish_day", own.owner_url, str(TODAY), str(size), str(folder)]
    publishing = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    found = load(port, SMALL, projects, 50, lambda _: publishing.poll() is None)
    if publishing.returncode:
        sys.exit("publish_day failed")
    return found


def _while_packing(own: Database, port: int, projects: int) -> Load:
    """The load while the days of two new months are packed."""
    with psycopg.connect(own.owner_url) as driver:
        (first,) = driver.execute("SELECT min(day) FROM pyzn.project_days").fetchone() or (TODAY,)
    _fill(own, [first - timedelta(days=n) for n in range(1, 62)], TODAY - timedelta(days=1))
    packing = subprocess.Popen([sys.executable, "-c", _PACK, own.owner_url, str(TODAY)], stdout=subprocess.DEVNULL)
    found = load(port, SMALL, projects, 50, lambda _: packing.poll() is None)
    if packing.returncode:
        sys.exit("packing failed")
    return found


def _heavy(port: int, process: psutil.Process) -> Figure:
    """Measure a year of the project with the most versions."""
    path = "/api/v3/pro/projects/project-1/downloads"
    taken = sorted(get(port, path).seconds for _ in range(5))[2]
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", path)
    body = connection.getresponse().read()
    connection.close()
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
