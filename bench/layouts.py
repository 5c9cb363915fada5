"""Compares one row per project and day with other layouts of the same day: its bytes, and the speed of reading it."""

import statistics
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import psycopg

from bench.database import Database, database
from bench.figures import Figure
from bench.pgbench import reads_per_second
from bench.publishing import FIRST, publish
from bench.synthetic_day import PROJECTS
from pyzn_api.windows import Window
from pyzn_pipeline.breakdowns import BREAKDOWNS

DAYS = 92
MOST_PROJECTS = 10_000  # with 92 days
LEAST_PROJECTS = 500
SECONDS = 5  # for each load
TIMES = 3  # repetitions, of which the median counts
EARLIER = {
    "packed_by_version": ("downloads, pip_downloads, ci_downloads", "by_version, pip_by_version, ci_by_version"),
    "packed_by_country": ("downloads", "by_country"),
}
"""The tables of earlier_layout.sql: their columns before and after the day and the project."""


def figures(size: float, folder: Path) -> Iterator[Figure]:
    """All figures; the bytes are those of a day of `size`."""
    with database(folder / "layouts") as own, psycopg.connect(own.superuser_url, autocommit=True) as connection:
        publish(own, FIRST, size, folder)
        connection.execute((Path(__file__).parent / "earlier_layout.sql").read_bytes())
        yield from _bytes(connection, FIRST, round(PROJECTS * size))
    projects = max(LEAST_PROJECTS, min(MOST_PROJECTS, round(MOST_PROJECTS * size)))
    with database(folder / "reads") as own:
        publish(own, FIRST, projects / PROJECTS, folder)
        yield _reads(own, projects, min(SECONDS, max(1, SECONDS * size * 10)))


def _bytes(connection: psycopg.Connection, day: date, projects: int) -> Iterator[Figure]:
    """Table, TOAST and indexes of the published `day`, of the same day in tidy tables, and in the earlier layout."""
    tidy = []
    for breakdown in BREAKDOWNS:
        tidy.append(f"tidy_{breakdown.name}")
        connection.execute(
            f"CREATE TABLE {tidy[-1]} (LIKE pyzn.{breakdown.view}, UNIQUE (project, {breakdown.name}, day));"
            f"INSERT INTO {tidy[-1]} SELECT * FROM pyzn.{breakdown.view} WHERE day = '{day}'"
        )
    for table, (before, after) in EARLIER.items():
        connection.execute(
            f"CREATE TABLE earlier.{table}_day (LIKE earlier.{table} INCLUDING ALL);"
            f"INSERT INTO earlier.{table}_day SELECT {before}, day, project, {after} FROM pyzn.project_days "
            f"WHERE day = '{day}' ORDER BY project"
        )
    ours = _size(connection, [f"project_days_{day:%Y_%m_%d}"])
    for name, other, must in (
        ("five tidy tables, unique keys", _size(connection, tidy), "≤ 0.2"),
        ("the earlier layout, two breakdowns", _size(connection, [f"{table}_day" for table in EARLIER]), "≤ 1.3"),
    ):
        yield Figure(
            "bytes a project-day with five breakdowns",
            f"{ours / projects:.0f}", f"{other / projects:.0f} {name}", ours / other, must,
        )  # fmt: skip


def _size(connection: psycopg.Connection, tables: list[str]) -> int:
    found = connection.execute(
        "SELECT sum(pg_total_relation_size(oid))::bigint FROM pg_class WHERE relname = ANY (%s)", [tables]
    ).fetchone()
    assert found is not None  # noqa: S101
    return int(found[0])


def _reads(own: Database, projects: int, seconds: float) -> Figure:
    """A project's 92 days by version, in both layouts, each in partitions by month and in the order of packing."""
    window = Window(date(2026, 4, 1), date(2026, 4, 1) + timedelta(days=DAYS - 1))
    months = [(date(2026, n, 1), date(2026, n + 1, 1)) for n in range(4, 8)]
    with psycopg.connect(own.superuser_url, autocommit=True) as connection:
        connection.execute((Path(__file__).parent / "earlier_layout.sql").read_bytes())
        connection.execute(f"CREATE TEMP TABLE one_day AS SELECT * FROM pyzn.project_days WHERE day = '{FIRST}'")
        connection.execute(f"DROP TABLE pyzn.project_days_{FIRST:%Y_%m_%d}")
        for schema, table in (("pyzn", "project_days"), *(("earlier", table) for table in EARLIER)):
            for first, following in months:
                connection.execute(
                    f"CREATE TABLE {schema}.{table}_{first:%Y_%m} PARTITION OF {schema}.{table} "
                    f"FOR VALUES FROM ('{first}') TO ('{following}')"
                )
            names = connection.execute(f"SELECT * FROM {schema}.{table} LIMIT 0").description or ()
            columns = ", ".join(column.name for column in names)
            of_days = columns.replace(" day,", " calendar.day::date,")
            connection.execute(
                f"INSERT INTO {schema}.{table} ({columns}) SELECT {of_days} FROM one_day, "
                f"generate_series('{window.start}', '{window.end}'::timestamp, '1 day') AS calendar (day) "
                "ORDER BY project, calendar.day"
            )
            connection.execute(f"VACUUM ANALYZE {schema}.{table}")
    ours, earlier = (
        statistics.median(rates)
        for rates in zip(
            *(
                [
                    reads_per_second(own, "downloads_by_version", window, projects, seconds, table=table)
                    for table in ("pyzn.project_days", "earlier.packed_by_version")
                ]
                for _ in range(TIMES)
            ),
            strict=True,
        )
    )
    return Figure(
        f"a random project's {DAYS} days by version, 8 connections, {projects:,} projects",
        f"{ours:,.0f} reads/s", f"{earlier:,.0f} the earlier layout", ours / earlier, "≥ 0.9",
    )  # fmt: skip
