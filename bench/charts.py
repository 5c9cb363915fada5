"""Measures a chart, and how much charts slow down small answers."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

from bench.database import database
from bench.figures import Figure, in_turn
from bench.filled_days import publish_and_fill
from bench.load import SMALL, get, load, require_wrk, running_api

CHART = "/chart/project-{}.svg?range=quarter"
OF_ONE = ("range=year", "range=quarter&by=version", "range=quarter&by=country", "range=quarter&by=country&kind=map")
SECONDS = 5.0  # of each load


def figures(size: float, folder: Path) -> Iterator[Figure]:
    """Yield all figures, on 92 days of projects without a cache."""
    require_wrk()
    with database(folder / "charts") as own:
        projects = publish_and_fill(own, size, 92, folder)
        with running_api(own.api_url, cache_bytes=0) as (port, _), ThreadPoolExecutor(1) as other:

            def milliseconds(path: str) -> float:
                return median(get(port, path)[0] for _ in range(9)) * 1000

            for query in OF_ONE:
                drawn = milliseconds(f"/chart/project-1.svg?{query}")
                plain = milliseconds("/api/v4/projects/project-1/countries")
                yield Figure(f"a chart, {query}", drawn, plain, "ms", "its countries as JSON")

            def beside(path: str) -> float:
                further = other.submit(load, port, path, projects, 1, SECONDS)
                small = load(port, SMALL, projects, 8, further)
                if small.refused or further.result().refused:
                    raise RuntimeError(f"refused beside {path}: {small.refused} small, {further.result().refused} more")
                return small.p99

            measured = in_turn(
                lambda: beside(CHART), lambda: beside(SMALL), lambda: load(port, SMALL, projects, 8, SECONDS).p99
            )
            name = "API p99 of a small answer, 8 connections, beside a client of charts"
            yield Figure(name, measured[0], measured[2], "ms", "quiet", "≤ 1.5")
            yield Figure(name, measured[0], measured[1], "ms", "beside a ninth client of small answers")
