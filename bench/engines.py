"""Measures the same questions about a month on Postgres, and on engines that read its exported files.

Each engine runs in its own process with two threads; one that is not installed is left out. All must give the same
answers. Memory is the largest sum of what its processes, and Postgres' for itself, have to themselves and share.
"""

import importlib.util
import json
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import polars as pl
import psutil
import psycopg

from bench.database import Database, database
from bench.figures import Figure
from bench.one_day import publish_synthetic
from bench.publishing import in_a_process
from bench.synthetic_day import SyntheticDay
from pyzn_pipeline.exports.storage import Folder
from pyzn_pipeline.exports.writing import ExportRefused, export_days
from pyzn_pipeline.maintenance.packing import pack

DAYS = [date(2026, 6, 1) + timedelta(days=n) for n in range(30)]
DISTINCT = 3  # days that are made; they take turns, because making one takes longer than all else about it
THREADS = 2
MIB = 2**20
TIMES, ENOUGH = 3, 10  # repetitions, of which the median counts; after so many seconds no further one
QUESTIONS = {
    "downloads by project": (
        "downloads_by_project",
        "SELECT project, sum(downloads) AS n FROM downloads_by_project"
        " GROUP BY project ORDER BY n DESC, project LIMIT 10",
    ),
    "downloads by country": (
        "downloads_by_country",
        "SELECT country, sum(downloads) AS n FROM downloads_by_country"
        " GROUP BY country ORDER BY n DESC, country LIMIT 10",
    ),
    "downloads by version of every project": (
        "downloads_by_version",
        "SELECT project, version, sum(downloads) AS n FROM downloads_by_version"
        " GROUP BY project, version ORDER BY n DESC, project, version LIMIT 10",
    ),
    "one project by version": (
        "downloads_by_version",
        "SELECT version, sum(downloads) AS n FROM downloads_by_version WHERE project = 'project-1000'"
        " GROUP BY version ORDER BY n DESC, version LIMIT 10",
    ),
}
VIEWS = {view for view, _ in QUESTIONS.values()}

Rows = list[list[Any]]
Ask = Callable[[str], Rows]


class Measured(NamedTuple):
    """An engine's seconds and answer by question, and its memory in bytes."""

    seconds: dict[str, float]
    answers: dict[str, Rows]
    memory: int


def figures(size: float, folder: Path) -> Iterator[Figure]:
    """Yield a line for each question and engine, beside Postgres."""
    exported = folder / "month"
    with database(folder / "engines") as own:
        _make_month(own, size, folder, exported)
        server = int((own.data / "postmaster.pid").read_text().splitlines()[0])
        postgres = _measure("Postgres", own.owner_url, server)
        in_postgres = own.number(
            "SELECT sum(pg_total_relation_size(relid)) FROM pg_partition_tree('pyzn.project_days')"
        )
    in_files = sum(file.stat().st_size for file in exported.rglob("*.parquet"))
    yield Figure(
        "a month: its files", f"{in_files / MIB:,.0f} MiB", f"{in_postgres / MIB:,.0f} MiB", in_files / in_postgres, ""
    )
    yield Figure("memory of Postgres", f"{postgres.memory / MIB:,.0f} MiB", "", 1, "")
    for engine, (package, _) in ENGINES.items():
        if package is None or not importlib.util.find_spec(package):
            continue
        found = _measure(engine, str(exported))
        if found.answers != postgres.answers:
            raise AssertionError(f"{engine}: {found.answers} is not {postgres.answers}")
        yield Figure(f"memory of {engine}", f"{found.memory / MIB:,.0f} MiB", "", found.memory / postgres.memory, "")
        for question in QUESTIONS:
            ours, theirs = found.seconds[question], postgres.seconds[question]
            yield Figure(f"{question}: {engine}", f"{ours:.2f} s", f"{theirs:.2f} s Postgres", ours / theirs, "")


def _make_month(own: Database, size: float, folder: Path, exported: Path) -> None:
    """Publish the month, pack it, and export it."""
    made = []
    for day in DAYS[:DISTINCT]:
        in_a_process("bench.synthetic_day", day, size, folder, "five")  # because it takes gigabytes of memory
        made.append(SyntheticDay.at(day, size, folder))
    for n, day in enumerate(DAYS):
        like = made[n % DISTINCT]
        publish_synthetic(own.store, SyntheticDay(day, like.path), {})
    pack(own.store, DAYS[0], DAYS[-1] + timedelta(days=1))
    for done in export_days(own.store, Folder(exported), DAYS[0], DAYS[-1]):
        if isinstance(done, ExportRefused):
            raise done


def _measure(engine: str, source: str, server: int | None = None) -> Measured:
    """Run an engine's process to its end, and look at its memory meanwhile, and at that of the process `server`."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.engines", engine, source], stdout=subprocess.PIPE, text=True
    )
    largest = [0]
    watching = threading.Thread(target=_watch, args=(server or process.pid, process, largest))
    watching.start()
    output, _ = process.communicate()
    watching.join()
    if process.returncode != 0:
        raise RuntimeError(f"{engine} ended with {process.returncode}; its own words are above")
    seconds, answers = json.loads(output)
    return Measured(seconds, answers, largest[0])


def _watch(root: int, process: "subprocess.Popen[str]", largest: list[int]) -> None:
    while process.poll() is None:
        with suppress(psutil.NoSuchProcess):  # one has ended meanwhile
            processes = [psutil.Process(root), *psutil.Process(root).children(recursive=True)]
            largest[0] = max(largest[0], sum(one.memory_full_info().pss for one in processes))
        time.sleep(0.05)


def _files(exported: str, view: str) -> list[str]:
    """Return the files of a view that the index names, oldest day first."""
    days = json.loads(Path(exported, "index.json").read_text())["days"]
    return [f"{exported}/{day['day']}/{day['revision']}-{day['checksum']}/{view}.parquet" for day in days]


def _postgres(url: str) -> Ask:
    connection = psycopg.connect(url, options="-c search_path=pyzn")
    return lambda query: [list(row) for row in connection.execute(query.encode()).fetchall()]


def _duckdb(exported: str) -> Ask:
    connection = duckdb.connect(config={"threads": THREADS})
    for view in VIEWS:
        connection.read_parquet(_files(exported, view)).create_view(view)
    return lambda query: [list(row) for row in connection.execute(query).fetchall()]


def _polars(exported: str) -> Ask:
    tables = pl.SQLContext({view: pl.scan_parquet(_files(exported, view)) for view in VIEWS})
    return lambda query: [list(row) for row in tables.execute(query).collect(engine="streaming").iter_rows()]


def _clickhouse(exported: str) -> Ask:
    session = importlib.import_module("chdb.session").Session()
    session.query(f"SET max_threads = {THREADS}")
    for view in VIEWS:
        paths = ",".join(file.removeprefix(f"{exported}/") for file in _files(exported, view))
        session.query(f"CREATE VIEW {view} AS SELECT * FROM file('{exported}/{{{paths}}}', Parquet)")
    return lambda query: json.loads(session.query(query, "JSONCompact").bytes())["data"]


def _spark(exported: str) -> Ask:
    builder = importlib.import_module("pyspark.sql").SparkSession.builder.master(f"local[{THREADS}]")
    spark = builder.config("spark.ui.enabled", "false").config("spark.driver.memory", "8g").getOrCreate()
    for view in VIEWS:
        spark.read.parquet(*_files(exported, view)).createOrReplaceTempView(view)
    return lambda query: [list(row) for row in spark.sql(query).collect()]


ENGINES: dict[str, tuple[str | None, Callable[[str], Ask]]] = {
    "Postgres": (None, _postgres),
    "DuckDB": ("duckdb", _duckdb),
    "Polars": ("polars", _polars),
    "ClickHouse's engine, chdb": ("chdb", _clickhouse),
    "Spark": ("pyspark", _spark),
}


def main(engine: str, source: str) -> None:
    """Ask an engine every question, and print the seconds and the answers as JSON."""
    ask = ENGINES[engine][1](source)
    seconds, answers = {}, {}
    for question, (_, query) in QUESTIONS.items():
        took: list[float] = []
        while len(took) < TIMES and sum(took) < ENOUGH:
            began = time.perf_counter()
            rows = ask(query)
            took.append(time.perf_counter() - began)
        seconds[question] = statistics.median(took)
        answers[question] = [[*row[:-1], int(row[-1])] for row in rows]
    sys.stdout.write(json.dumps([seconds, answers]) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
