"""Measures the same questions about a month on Postgres, and on engines that read its exported files.

Each engine runs in its own process with two threads; one that is not installed is left out. All must give the same
answers. Memory is the largest sum of what its processes, and Postgres' for itself, have to themselves and share.
"""

import importlib.util
import json
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import wait
from contextlib import suppress
from dataclasses import replace
from datetime import date, timedelta
from itertools import cycle
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import duckdb
import polars as pl
import psutil
import psycopg

from bench.database import Database, database
from bench.figures import MIB, TIMES, Figure
from bench.one_day import export, in_a_process, process, publish_scanned
from bench.synthetic_day import SyntheticDay
from pyzn_pipeline.maintenance.packing import pack

DAYS = [date(2026, 6, 1) + timedelta(days=n) for n in range(30)]
DISTINCT = 3  # days that are made; they take turns, because making one takes longer than all else about it
THREADS = 2
ENOUGH = 10  # seconds, after which no question is repeated
QUESTIONS = {
    "downloads by project": ("downloads_by_project", "project", ""),
    "downloads by country": ("downloads_by_country", "country", ""),
    "downloads by version of every project": ("downloads_by_version", "project, version", ""),
    "one project by version": ("downloads_by_version", "version", "WHERE project = 'project-1000'"),
}
"""View, keys and condition of each."""
VIEWS = {view for view, _, _ in QUESTIONS.values()}

Rows = list[list[Any]]
Ask = Callable[[str], Rows]


class Result(NamedTuple):
    """An engine's seconds and answer by question."""

    seconds: dict[str, float]
    answers: dict[str, Rows]


def figures(size: float, folder: Path) -> Iterator[Figure]:
    """Yield a line for each question and engine, beside Postgres."""
    exported = folder / "month"
    with database(folder / "engines") as own:
        _make_month(own, size, folder, exported)
        server = int((own.server.data / "postmaster.pid").read_text().splitlines()[0])
        postgres, of_postgres = _measure("Postgres", own.owner_url, server)
        in_postgres = own.number(
            "SELECT sum(pg_total_relation_size(relid)) FROM pg_partition_tree('pyzn.project_days')"
        )
    in_files = sum(file.stat().st_size for file in exported.rglob("*.parquet"))
    yield Figure("a month: its files", in_files / MIB, in_postgres / MIB, "MiB", "in Postgres")
    for name, (package, _) in ENGINES.items():
        if package is None or not importlib.util.find_spec(package):
            continue
        found, memory = _measure(name, str(exported))
        if found.answers != postgres.answers:
            raise AssertionError(f"{name}: {found.answers} is not {postgres.answers}")
        yield Figure(f"memory of {name}", memory / MIB, of_postgres / MIB, "MiB", "Postgres")
        for question in QUESTIONS:
            yield Figure(f"{question}: {name}", found.seconds[question], postgres.seconds[question], "s", "Postgres")


def _make_month(own: Database, size: float, folder: Path, exported: Path) -> None:
    """Publish the month, pack it, and export it."""
    made = [in_a_process(SyntheticDay.make, day, size, folder) for day in DAYS[:DISTINCT]]
    for day, like in zip(DAYS, cycle(made), strict=False):
        publish_scanned(own.store, replace(like, day=day), {})
    pack(own.store, DAYS[0], DAYS[-1] + timedelta(days=1))
    export(own.owner_url, DAYS[0], exported, DAYS[-1])


def _measure(engine: str, source: str, server: int | None = None) -> tuple[Result, int]:
    """Return what an engine's process answers, and the most bytes of its memory, or of the process `server`."""
    with process() as own:
        root = psutil.Process(server or own.submit(os.getpid).result())
        result, memory = own.submit(ask_all, engine, source), 0
        while not wait([result], 0.05).done:
            with suppress(psutil.NoSuchProcess):  # one has ended meanwhile
                parts = [root, *root.children(recursive=True)]
                memory = max(memory, sum(part.memory_full_info().pss for part in parts))
        return result.result(), memory


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


def ask_all(engine: str, source: str) -> Result:
    """Ask an engine every question."""
    ask = ENGINES[engine][1](source)
    result = Result({}, {})
    for question, (view, keys, condition) in QUESTIONS.items():
        grouped = f"FROM {view} {condition} GROUP BY {keys} ORDER BY n DESC, {keys} LIMIT 10"
        took: list[float] = []
        while len(took) < TIMES and sum(took) < ENOUGH:
            began = time.perf_counter()
            rows = ask(f"SELECT {keys}, sum(downloads) AS n {grouped}")
            took.append(time.perf_counter() - began)
        result.seconds[question] = median(took)
        result.answers[question] = [[*row[:-1], int(row[-1])] for row in rows]
    return result
