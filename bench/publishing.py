"""Measures publishing a day: seconds, memory and bytes, compared with COPY and with what a user would write instead."""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import psycopg
import psycopg2
from psycopg2.extras import execute_values

from bench.database import Database, database
from bench.figures import Figure
from pyzn_pipeline.breakdowns import BREAKDOWNS

FIRST = date(2026, 7, 6)
TIMES = 3  # repetitions, of which the median counts
PEER_SIZE = 0.05  # of PyPI: with a full day the peers would run for an hour
MIB = 2**20
TIDY_TABLES = "".join(
    f"DROP TABLE IF EXISTS tidy_{b.name};"
    f"CREATE TABLE tidy_{b.name} (LIKE pyzn.{b.view}, UNIQUE (project, {b.name}, day));"
    for b in BREAKDOWNS
)


def figures(size: float, folder: Path) -> Iterator[Figure]:
    """All figures. Uses two servers, because the peers are measured at their own size."""
    with database(folder / "publishing") as own:
        yield from _against_copy(own, size, folder)
    with database(folder / "peers") as own:
        yield from _against_peers(own, min(size, PEER_SIZE), folder)


def _against_copy(own: Database, size: float, folder: Path) -> Iterator[Figure]:
    day = FIRST
    published: list[dict[str, Any]] = []
    limits: list[float] = []
    publish(own, day, size, folder)  # the very first day inserts all projects, so it is not measured
    with psycopg.connect(own.superuser_url, autocommit=True) as connection:
        for _ in range(TIMES):  # in turn, so that what else the machine does meets both
            day += timedelta(days=1)
            published.append(publish(own, day, size, folder))
            limits.append(_copy_bare(connection, own, day))
        stages = [statistics.median(run["seconds"][name] for run in published) for name in ("receive", "publish")]
        ours, limit = statistics.median(run["seconds"]["all"] for run in published), statistics.median(limits)
        yield Figure(
            f"publish a day ({stages[0]:.1f} s receive and audit, {stages[1]:.1f} s the rest)",
            f"{ours:.2f} s", f"{limit:.2f} s COPY of the same rows", ours / limit, "≤ 2.5",
        )  # fmt: skip
        again = publish(own, day, size, folder)
        seconds = again["seconds"]["all"]
        yield Figure("re-read it, unchanged", f"{seconds:.2f} s", f"{limit:.2f} s the same COPY", seconds / limit, "")
    twice = publish(own, day + timedelta(days=1), 2 * size, folder)
    rss = [published[0]["rss"], twice["rss"]]
    yield Figure(
        "peak memory of the process, a day twice as large",
        f"{rss[1] / MIB:.0f} MiB",
        f"{rss[0] / MIB:.0f} MiB the day",
        rss[1] / rss[0],
        "≤ 1.1",
    )
    yield Figure("the same", f"{max(rss) / MIB:.0f} MiB", "1024 MiB", max(rss) / MIB / 1024, "≤ 1.0")


def publish(own: Database, day: date, size: float, folder: Path) -> dict[str, Any]:
    """Publish a synthetic day in a separate process, and return what bench.publish_day prints."""
    for module, arguments in (
        ("bench.synthetic_day", [str(day), str(size), str(folder)]),
        ("bench.publish_day", [own.owner_url, str(day), str(size), str(folder)]),
    ):
        done = subprocess.run([sys.executable, "-m", module, *arguments], check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _copy_bare(connection: psycopg.Connection, own: Database, day: date) -> float:
    """Seconds of a server-side COPY of a published day's rows into a table without an index."""
    file = own.data / "day.copy"
    connection.execute(f"COPY (SELECT * FROM pyzn.project_days WHERE day = '{day}') TO '{file}' (FORMAT BINARY)")
    connection.execute("DROP TABLE IF EXISTS bare; CREATE TABLE bare (LIKE pyzn.project_days)")
    return _seconds(lambda: connection.execute(f"COPY bare FROM '{file}' (FORMAT BINARY)"))


def _against_peers(own: Database, size: float, folder: Path) -> Iterator[Figure]:
    publish(own, FIRST, size, folder)
    day = FIRST + timedelta(days=1)
    ours = publish(own, day, size, folder)["seconds"]["all"]
    frames = {
        f"tidy_{b.name}": pd.read_sql(f"SELECT * FROM pyzn.{b.view} WHERE day = '{day}'", own.store) for b in BREAKDOWNS
    }
    rows = sum(map(len, frames.values()))
    for name, write in (("to_sql (multi)", _to_sql), ("execute_values", _execute_values)):
        with psycopg.connect(own.owner_url, autocommit=True) as connection:
            connection.execute("CREATE SCHEMA IF NOT EXISTS tidy; SET search_path = tidy")
            connection.execute(TIDY_TABLES)
        theirs = _seconds(lambda: write(own, frames))  # noqa: B023
        yield Figure(
            f"publish {rows:,} tidy rows' worth", f"{ours:.2f} s", f"{theirs:.2f} s {name}", theirs / ours, "≥ 10"
        )


def _to_sql(own: Database, frames: dict[str, pd.DataFrame]) -> None:
    with own.store.begin() as connection:
        for table, frame in frames.items():
            # Postgres allows 65,535 parameters a statement; more than 1,000 rows at once are slower.
            frame.to_sql(
                table, connection, schema="tidy", if_exists="append", index=False, method="multi", chunksize=1000
            )


def _execute_values(own: Database, frames: dict[str, pd.DataFrame]) -> None:
    connection = psycopg2.connect(own.owner_url)
    with connection, connection.cursor() as cursor:
        for table, frame in frames.items():
            execute_values(
                cursor,
                f"INSERT INTO tidy.{table} VALUES %s",
                frame.astype(object).itertuples(index=False, name=None),
            )
    connection.close()


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
