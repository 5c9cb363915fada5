"""SIGKILL of runs, at random moments and at every step of the publication."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from random import Random

from chaos.exactness import Watched, defects
from chaos.figures import Check, Figure, Rig
from chaos.gates import POINTS, Gatekeeper
from chaos.runs import Run, Target, ingest
from chaos.source import Source

FIRST = date(2026, 7, 6)
DAYS = 4  # at the same time: a run mostly waits


def run(rig: Rig) -> list[Figure]:
    """Kill a run and look at what a reader sees, repeatedly. At the end read every day again and compare everything."""
    at_points = rig.size // 4
    with rig.parts.source() as source, rig.parts.database() as database:
        target = Target(database.owner_url, source.server.endpoint, source.server.storage_endpoint)
        days = [Watched(database.api_url, FIRST + timedelta(days=n)) for n in range(DAYS)]
        seconds = _first_readings(source, target, days)

        def lane(day: Watched, seed: float, kills: int) -> list[str]:
            moments = Random(seed)
            found = []
            for _ in range(kills):
                found += _killed_after(moments.uniform(0, seconds), source, target, day)
            return found

        shares = [len(range(n, rig.size - at_points, DAYS)) for n in range(DAYS)]
        with ThreadPoolExecutor(DAYS) as threads:
            lanes = threads.map(lane, days, [rig.random.random() for _ in days], shares)
            at_random = [line for lines in lanes for line in lines]

        named = []
        with Gatekeeper.of(database.owner_url) as gates:
            for n in range(at_points):
                named += _killed_at(POINTS[n % len(POINTS)], gates, source, target, days[n % DAYS])

        outcome = ingest(target, *(watched.day for watched in days))
        final = outcome.complaints()
        final += defects(database.api_url, {watched.day: [source.content(watched.day)] for watched in days})
    noun = "rows lost, doubled or half a day visible"
    return [
        Figure("kills at random moments", f"{sum(shares):,} SIGKILLs", noun, at_random),
        Figure("kills at named points", f"{at_points:,} SIGKILLs at {len(POINTS)} points", noun, named),
        Figure("after the kills", f"{len(days)} days read again", "differences from the source", final),
    ]


def _first_readings(source: Source, target: Target, days: Sequence[Watched]) -> float:
    """Publish every day twice, all days at the same time, and return the seconds that it took."""
    seconds = 0.0
    for rows in (3000, 10):
        for watched in days:
            watched.expect(source.more(watched.day, rows))
        start = time.monotonic()
        for started in [Run(target, [watched.day]) for watched in days]:
            started.outcome(180)
        seconds = time.monotonic() - start
    return seconds


def _killed_after(seconds: float, source: Source, target: Target, day: Watched) -> list[str]:
    day.expect(source.more(day.day, 10))
    started = Run(target, [day.day])
    time.sleep(seconds)
    started.kill()
    return [f"killed after {seconds:.3f} s: {line}" for line in day.look()]


def _killed_at(point: str, gates: Gatekeeper, source: Source, target: Target, day: Watched) -> list[str]:
    day.expect(source.more(day.day, 10))
    with gates.closed(point):
        started = Run(target, [day.day])
        backend = gates.arrived(point)
        started.kill()
        found = day.look()
    gates.gone(backend)
    found += day.look()
    return [f"killed when {point}: {line}" for line in found]


CHECK = Check("kills", "KILLS", 28, "SIGKILLs of a run", run)
