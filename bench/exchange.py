"""Measures the export of a day and its mirror, each in its own process, compared with the publication of that day."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from bench.database import database
from bench.figures import MIB, Figure
from bench.one_day import export, in_a_process, mirror, publish
from bench.publishing import FIRST


def figures(size: float, folder: Path) -> Iterator[Figure]:
    """Yield all figures. Exporter and mirror have a server each, which has published the day before."""
    exported = folder / "exported"
    day = FIRST + timedelta(days=1)
    with database(folder / "exporter") as exporter, database(folder / "mirror") as follower:
        for own in (exporter, follower):
            publish(own.owner_url, FIRST, size, folder)  # the very first day inserts all projects: not measured
        published = publish(exporter.owner_url, day, size, folder).seconds["all"]
        for work, own in ((export, exporter), (mirror, follower)):
            run = in_a_process(work, own.owner_url, day, exported)
            name = f"{work.__name__} a day"
            yield Figure(name, run.seconds["all"], published, "s", "publish it", "≤ 2.0")
            yield Figure(f"{name}: peak memory", run.memory / MIB, 1024, "MiB", "", "≤ 1.0")
        files = sum(file.stat().st_size for file in exported.rglob("*.parquet"))
        in_postgres = exporter.bytes_of(day) / MIB
        yield Figure("an exported day", files / MIB, in_postgres, "MiB", "in Postgres, with its index")
