"""Measures a day by all breakdowns that a deployment can choose: seconds, memory and bytes."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import psycopg

from bench.database import Database, database
from bench.figures import Figure
from bench.publishing import FIRST, against_copy, publish, tidy_tables
from pyzn_pipeline.breakdowns import KNOWN

TIDY_SIZE = 0.1  # of PyPI: a full day has tens of millions of tidy rows


def figures(size: float, folder: Path) -> Iterator[Figure]:
    """Yield all figures."""
    with database(folder / "all_breakdowns") as own:
        yield from against_copy(own, size, folder, "all")
    with database(folder / "tidy") as own:
        yield _bytes(own, min(size, TIDY_SIZE), folder)


def _bytes(own: Database, size: float, folder: Path) -> Figure:
    """Return the bytes of a project's day, with indexes, compared with those of tidy tables; and those by the five."""
    days = {"all": FIRST, "five": FIRST + timedelta(days=1)}
    ours = {}
    with psycopg.connect(own.owner_url, autocommit=True) as connection:

        def number(query: str) -> int:
            row = connection.execute(query.encode()).fetchone()
            return int(row[0]) if row else 0

        for breakdowns, day in days.items():
            publish(own, day, size, folder, breakdowns)
            ours[breakdowns] = number(f"SELECT pg_total_relation_size('pyzn.project_days_{day:%Y_%m_%d}')")
        projects = number(f"SELECT count(*) FROM pyzn.project_days WHERE day = '{FIRST}'")
        connection.execute(tidy_tables(KNOWN))
        for each in KNOWN:
            connection.execute(
                f"INSERT INTO tidy.tidy_{each.name} SELECT * FROM pyzn.{each.view} WHERE day = '{FIRST}'"
            )
        tidy = sum(number(f"SELECT pg_total_relation_size('tidy.tidy_{each.name}')") for each in KNOWN)
    return Figure(
        f"bytes of a project's day by all, {ours['five'] / projects:.0f} by the five",
        f"{ours['all'] / projects:.0f}",
        f"{tidy / projects:.0f} in tidy tables",
        ours["all"] / tidy,
        "≤ 0.2",
    )
