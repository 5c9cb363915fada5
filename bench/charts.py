"""Measures a chart, and how much charts slow down small answers."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

from bench.database import database, fill
from bench.figures import Figure
from bench.load import get, load, require_wrk, running
from bench.publishing import publish
from bench.synthetic_day import PROJECTS

SMALL = "/api/projects/project-{}"
CHART = "/chart/project-{}.svg?range=quarter"
OF_ONE = ("range=year", "range=quarter&by=version", "range=quarter&by=country", "range=quarter&by=country&kind=map")
LEAST_PROJECTS = 500
SECONDS = 5.0  # of each load
ROUNDS = 3  # of quiet and busy in turn; the medians count


def figures(size: float, folder: Path) -> Iterator[Figure]:
    """Yield all figures, on 92 days of projects without a cache."""
    require_wrk()
    projects = max(LEAST_PROJECTS, round(10_000 * min(size, 1)))
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    with database(folder / "charts") as own:
        publish(own, yesterday, projects / PROJECTS, folder)
        fill(own, [yesterday - timedelta(days=n) for n in range(1, 92)], yesterday)
        with running(own.api_url, cache_bytes=0) as (port, _), ThreadPoolExecutor(1) as other:
            for query in OF_ONE:
                drawn = median(get(port, f"/chart/project-1.svg?{query}")[0] for _ in range(9)) * 1000
                plain = median(get(port, "/api/v4/projects/project-1/countries")[0] for _ in range(9)) * 1000
                yield Figure(f"a chart, {query}", f"{drawn:.0f} ms", f"{plain:.0f} ms JSON", drawn / plain, "")
            p99s = []
            for _ in range(ROUNDS):
                quiet = load(port, SMALL, projects, 8, lambda elapsed: elapsed < SECONDS).p99
                busy = other.submit(load, port, CHART, projects, 1, lambda elapsed: elapsed < SECONDS)
                p99s.append((quiet, load(port, SMALL, projects, 8, lambda _: not busy.done()).p99))  # noqa: B023 - ends in this turn
            quiet, beside = (median(of) for of in zip(*p99s, strict=True))
            yield Figure(
                "API p99 of a small answer, 8 connections, beside a client of charts",
                f"{beside:.1f} ms, {busy.result().per_second:.0f} charts/s", f"{quiet:.1f} ms quiet", beside / quiet,
                "≤ 1.5",
            )  # fmt: skip
