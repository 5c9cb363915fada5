"""Measures publishing a day: seconds, memory and bytes, compared with COPY and with what a user would write instead."""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import psycopg
import psycopg2
from psycopg2.extras import execute_values

from bench.database import Database, database
from bench.figures import Figure
from pyzn_pipeline.breakdowns import BREAKDOWNS, KNOWN, Breakdown

FIRST = date(2026, 7, 6)
TIMES = 3  # repetitions, of which the median counts
PEER_SIZE = 0.05  # of PyPI: with a full day the peers would run for an hour
TIDY_SIZE = 0.1  # of PyPI: a full day by all has tens of millions of tidy rows
MIB = 2**20


def figures(size: float, folder: Path) -> Iterator[Figure]:
    """Yield all figures. Uses two servers, because the peer is measured at its own size."""
    with database(folder / "publishing") as own:
        yield from against_copy(own, size, folder)
    with database(folder / "peers") as own:
        yield from _against_peer(own, min(size, PEER_SIZE), folder)


def by_all_breakdowns(size: float, folder: Path) -> Iterator[Figure]:
    """Yield the figures of a day by all breakdowns that a deployment can choose."""
    with database(folder / "all_breakdowns") as own:
        yield from against_copy(own, size, folder, "all")
    with database(folder / "tidy") as own:
        yield _bytes(own, min(size, TIDY_SIZE), folder)


def _bytes(own: Database, size: float, folder: Path) -> Figure:
    """Return the bytes of a project's day, with indexes, compared with those of tidy tables; and those by the five."""
    five = FIRST + timedelta(days=1)
    publish(own, FIRST, size, folder, "all")
    publish(own, five, size, folder, "five")
    projects = own.number(f"SELECT count(*) FROM pyzn.project_days WHERE day = '{FIRST}'")
    with psycopg.connect(own.owner_url, autocommit=True) as connection:
        connection.execute(tidy_tables(KNOWN))
        for each in KNOWN:
            query = f"INSERT INTO tidy.tidy_{each.name} SELECT * FROM pyzn.{each.view} WHERE day = '{FIRST}'"
            connection.execute(query)
    ours, tidy = (
        own.bytes_of(FIRST),
        sum(own.number(f"SELECT pg_total_relation_size('tidy.tidy_{b.name}')") for b in KNOWN),
    )
    return Figure(
        f"bytes of a project's day by all, {own.bytes_of(five) / projects:.0f} by the five",
        f"{ours / projects:.0f}", f"{tidy / projects:.0f} in tidy tables", ours / tidy, "≤ 0.2",
    )  # fmt: skip


def against_copy(own: Database, size: float, folder: Path, breakdowns: str = "five") -> Iterator[Figure]:
    """Compare with COPY, and the memory with that of a day twice as large."""
    day = FIRST
    published: list[dict[str, Any]] = []
    limits: list[float] = []
    publish(own, day, size, folder, breakdowns)  # the very first day inserts all projects, so it is not measured
    with psycopg.connect(own.superuser_url, autocommit=True) as connection:
        for _ in range(TIMES):  # in turn, so that what else the machine does meets both
            day += timedelta(days=1)
            published.append(publish(own, day, size, folder, breakdowns))
            limits.append(_copy_bare(connection, own, day))
        stages = [statistics.median(run["seconds"][name] for run in published) for name in ("receive", "publish")]
        ours, limit = statistics.median(run["seconds"]["all"] for run in published), statistics.median(limits)
        yield Figure(
            f"publish a day by {breakdowns} ({stages[0]:.1f} s receive and audit, {stages[1]:.1f} s the rest)",
            f"{ours:.2f} s", f"{limit:.2f} s COPY of the same rows", ours / limit, "≤ 2.5",
        )  # fmt: skip
        again = publish(own, day, size, folder, breakdowns)
        seconds = again["seconds"]["all"]
        yield Figure("re-read it, unchanged", f"{seconds:.2f} s", f"{limit:.2f} s the same COPY", seconds / limit, "")
    twice = publish(own, day + timedelta(days=1), 2 * size, folder, breakdowns)
    rss = [published[0]["rss"], twice["rss"]]
    yield Figure(
        "peak memory of the process, a day twice as large",
        f"{rss[1] / MIB:.0f} MiB",
        f"{rss[0] / MIB:.0f} MiB the day",
        rss[1] / rss[0],
        "≤ 1.1",
    )
    yield Figure("the same", f"{max(rss) / MIB:.0f} MiB", "1024 MiB", max(rss) / MIB / 1024, "≤ 1.0")


def publish(own: Database, day: date, size: float, folder: Path, breakdowns: str = "five") -> dict[str, Any]:
    """Publish a synthetic day in a separate process, and return the output of bench.one_day."""
    in_a_process("bench.synthetic_day", day, size, folder, breakdowns)
    return in_a_process("bench.one_day", "publish", own.owner_url, day, folder, size, breakdowns)


def in_a_process(module: str, *arguments: object) -> dict[str, Any]:
    """Run a module with these arguments, and return the JSON that it prints, if any."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(done.stdout or "{}")
    return found


def _copy_bare(connection: psycopg.Connection, own: Database, day: date) -> float:
    """Seconds of a server-side COPY of a published day's rows into a table without an index."""
    file = own.data / "day.copy"
    connection.execute(f"COPY (SELECT * FROM pyzn.project_days WHERE day = '{day}') TO '{file}' (FORMAT BINARY)")
    connection.execute("DROP TABLE IF EXISTS bare; CREATE TABLE bare (LIKE pyzn.project_days)")
    started = time.perf_counter()
    connection.execute(f"COPY bare FROM '{file}' (FORMAT BINARY)")
    return time.perf_counter() - started


def tidy_tables(breakdowns: Iterable[Breakdown]) -> str:
    """Return the SQL of the tables that a user would make instead, each with a unique key."""
    keys = {b: ", ".join(key.name for key in b.keys) for b in breakdowns}
    tables = (f"CREATE TABLE tidy.tidy_{b.name} (LIKE pyzn.{b.view}, UNIQUE (project, {keys[b]}, day));" for b in keys)
    return "CREATE SCHEMA tidy;" + "".join(tables)


def _against_peer(own: Database, size: float, folder: Path) -> Iterator[Figure]:
    """Compare with psycopg2's execute_values into five tidy tables with a unique key."""
    publish(own, FIRST, size, folder)
    day = FIRST + timedelta(days=1)
    ours = publish(own, day, size, folder)["seconds"]["all"]
    with psycopg.connect(own.owner_url, autocommit=True) as connection:
        connection.execute(tidy_tables(BREAKDOWNS))
        rows = {
            b: connection.execute(f"SELECT * FROM pyzn.{b.view} WHERE day = '{day}'").fetchall() for b in BREAKDOWNS
        }
    peer = psycopg2.connect(own.owner_url)
    started = time.perf_counter()
    with peer, peer.cursor() as cursor:
        for breakdown, of in rows.items():
            execute_values(cursor, f"INSERT INTO tidy.tidy_{breakdown.name} VALUES %s", of)
    theirs = time.perf_counter() - started
    peer.close()
    count = sum(map(len, rows.values()))
    yield Figure(
        f"publish {count:,} tidy rows' worth", f"{ours:.2f} s", f"{theirs:.2f} s execute_values", theirs / ours, "≥ 10"
    )
