"""Measures publishing a day: seconds, memory and bytes, compared with COPY and with what a user would write instead."""

import time
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from pathlib import Path
from statistics import median

import psycopg
import psycopg2
from psycopg2.extras import execute_values

from bench.database import Database, database
from bench.figures import MIB, TIMES, Figure
from bench.one_day import publish
from pyzn_pipeline.breakdowns import BREAKDOWNS, KNOWN, Breakdown

FIRST = date(2026, 7, 6)
PEER_SIZE = 0.05  # of PyPI: with a full day the peers would run for an hour
TIDY_SIZE = 0.1  # of PyPI: a full day by all has tens of millions of tidy rows


def figures(size: float, folder: Path) -> Iterator[Figure]:
    """Yield all figures. Uses two servers, because the peer is measured at its own size."""
    with database(folder / "publishing") as own:
        yield from _beside_copy(own, size, folder, "five")
    with database(folder / "peers") as own:
        yield _beside_inserts(own, min(size, PEER_SIZE), folder)


def by_all_breakdowns(size: float, folder: Path) -> Iterator[Figure]:
    """Yield the figures of a day by all breakdowns that a deployment can choose."""
    with database(folder / "all_breakdowns") as own:
        yield from _beside_copy(own, size, folder, "all")
    with database(folder / "tidy") as own:
        yield _bytes(own, min(size, TIDY_SIZE), folder)


def _beside_copy(own: Database, size: float, folder: Path, breakdowns: str) -> Iterator[Figure]:
    """Compare with COPY, and the memory with that of a day twice as large."""
    days = [FIRST + timedelta(days=n) for n in range(TIMES + 2)]
    publish(own.owner_url, days[0], size, folder, breakdowns)  # the very first inserts all projects: not measured
    runs, copies = [], []
    with psycopg.connect(own.server.url("pyzn"), autocommit=True) as superuser:
        for day in days[1:-1]:  # in turn, so that what else the machine does meets both
            runs.append(publish(own.owner_url, day, size, folder, breakdowns))
            copies.append(_copy(superuser, own, day))
    receive, rest, ours = (median(run.seconds[name] for run in runs) for name in ("receive", "publish", "all"))
    stages = f"{receive:.1f} s receive and audit, {rest:.1f} s the rest"
    limit = median(copies)
    yield Figure(f"publish a day by {breakdowns} ({stages})", ours, limit, "s", "COPY of the same rows", "≤ 2.5")
    again = publish(own.owner_url, days[-2], size, folder, breakdowns)
    yield Figure("re-read it, unchanged", again.seconds["all"], limit, "s", "the same COPY")
    twice = publish(own.owner_url, days[-1], 2 * size, folder, breakdowns)
    once, most = runs[0].memory / MIB, twice.memory / MIB
    yield Figure("peak memory of the process, a day twice as large", most, once, "MiB", "the day", "≤ 1.1")
    yield Figure("the same", max(once, most), 1024, "MiB", "", "≤ 1.0")


def _copy(superuser: psycopg.Connection, own: Database, day: date) -> float:
    """Return the seconds of a server-side COPY of a published day's rows into a table without an index."""
    file = own.server.data / "day.copy"
    superuser.execute(f"COPY (SELECT * FROM pyzn.project_days WHERE day = '{day}') TO '{file}' (FORMAT BINARY)")
    superuser.execute("DROP TABLE IF EXISTS bare; CREATE TABLE bare (LIKE pyzn.project_days)")
    started = time.perf_counter()
    superuser.execute(f"COPY bare FROM '{file}' (FORMAT BINARY)")
    return time.perf_counter() - started


def _bytes(own: Database, size: float, folder: Path) -> Figure:
    """Return the bytes of a project's day, with indexes, compared with those of tidy tables; and those by the five."""
    five = FIRST + timedelta(days=1)
    publish(own.owner_url, FIRST, size, folder, "all")
    publish(own.owner_url, five, size, folder, "five")
    projects = own.number(f"SELECT count(*) FROM pyzn.project_days WHERE day = '{FIRST}'")
    with psycopg.connect(own.owner_url, autocommit=True) as connection:
        connection.execute(_tidy_tables(KNOWN))
        for each in KNOWN:
            connection.execute(f"INSERT INTO tidy.{each.name} SELECT * FROM pyzn.{each.view} WHERE day = '{FIRST}'")
    tidy = sum(own.number(f"SELECT pg_total_relation_size('tidy.{each.name}')") for each in KNOWN)
    name = f"bytes of a project's day by all, {own.bytes_of(five) / projects:.0f} by the five"
    return Figure(name, own.bytes_of(FIRST) / projects, tidy / projects, "bytes", "in tidy tables", "≤ 0.2")


def _tidy_tables(breakdowns: Iterable[Breakdown]) -> str:
    """Return the SQL of the tables that a user would make instead, each with a unique key."""
    keys = {each: ", ".join(key.name for key in each.keys) for each in breakdowns}
    tables = (f"CREATE TABLE tidy.{b.name} (LIKE pyzn.{b.view}, UNIQUE (project, {keys[b]}, day));" for b in keys)
    return "CREATE SCHEMA tidy;" + "".join(tables)


def _beside_inserts(own: Database, size: float, folder: Path) -> Figure:
    """Compare with psycopg2's execute_values into five tidy tables with a unique key."""
    day = FIRST + timedelta(days=1)
    publish(own.owner_url, FIRST, size, folder)
    ours = publish(own.owner_url, day, size, folder).seconds["all"]
    with psycopg.connect(own.owner_url, autocommit=True) as connection:
        connection.execute(_tidy_tables(BREAKDOWNS))
        views = {each.name: f"SELECT * FROM pyzn.{each.view} WHERE day = '{day}'" for each in BREAKDOWNS}
        rows = {name: connection.execute(query).fetchall() for name, query in views.items()}
    peer = psycopg2.connect(own.owner_url)
    started = time.perf_counter()
    with peer, peer.cursor() as cursor:
        for name, inserted in rows.items():
            execute_values(cursor, f"INSERT INTO tidy.{name} VALUES %s", inserted)
    theirs = time.perf_counter() - started
    peer.close()
    count = sum(map(len, rows.values()))
    return Figure(f"publish {count:,} tidy rows' worth", ours, theirs, "s", "execute_values", "≤ 0.1")
