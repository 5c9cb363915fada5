"""Measures the export of a day and its mirror, each in its own process, compared with the publication of that day."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from bench.database import database
from bench.figures import Figure
from bench.publishing import FIRST, MIB, in_a_process, publish


def figures(size: float, folder: Path) -> Iterator[Figure]:
    """Yield all figures. Exporter and mirror have a server each, which has published the day before."""
    exported = folder / "exported"
    first, day = FIRST, FIRST + timedelta(days=1)
    with database(folder / "exporter") as exporter, database(folder / "mirror") as mirror:
        for own in (exporter, mirror):
            publish(own, first, size, folder)  # the very first day inserts all projects, so it is not measured
        published = publish(exporter, day, size, folder)["seconds"]["all"]
        runs = {
            "export": in_a_process("bench.one_day", "export", exporter.owner_url, day, exported),
            "mirror": in_a_process("bench.one_day", "mirror", mirror.owner_url, day, exported),
        }
        for name, run in runs.items():
            seconds = run["seconds"]["all"]
            yield Figure(
                f"{name} a day", f"{seconds:.2f} s", f"{published:.2f} s publish it", seconds / published, "≤ 2.0"
            )
            yield Figure(
                f"{name}: peak memory", f"{run['rss'] / MIB:.0f} MiB", "1024 MiB", run["rss"] / MIB / 1024, "≤ 1.0"
            )
        bytes_of_day = sum(file.stat().st_size for file in exported.rglob("*.parquet"))
        in_postgres = exporter.bytes_of(day)
        yield Figure(
            "an exported day",
            f"{bytes_of_day / MIB:.1f} MiB", f"{in_postgres / MIB:.1f} MiB in Postgres, with its index",
            bytes_of_day / in_postgres, "",
        )  # fmt: skip
