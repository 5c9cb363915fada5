"""SIGKILL of runs, at random moments and at every step of the publication."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from random import Random

from chaos.exactness import Day, defects, first_days
from chaos.gates import POINTS, Gatekeeper
from chaos.rig import Figure, Rig
from chaos.runs import Run, Target, ingest
from chaos.source import Source

DAYS = 4  # at the same time: a run mostly waits


def run(rig: Rig) -> list[Figure]:
    """Kill a run and look at what a reader sees, repeatedly. At the end read every day again and compare everything."""
    at_points = rig.size // 4
    database = rig.database()
    with rig.source() as source:
        target = Target.of(database.owner_url, source)
        days = first_days(database.api_url, DAYS)
        seconds = _first_readings(source, target, days)

        def lane(day: Day, seed: float, kills: int) -> list[str]:
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

        final = ingest(target, *days).complaints() + defects(database.api_url, days)
    noun = "rows lost, doubled or half a day visible"
    return [
        Figure("kills at random moments", f"{sum(shares):,} SIGKILLs", noun, at_random),
        Figure("kills at named points", f"{at_points:,} SIGKILLs at {len(POINTS)} points", noun, named),
        Figure("after the kills", f"{len(days)} days read again", "differences from the source", final),
    ]


def _first_readings(source: Source, target: Target, days: Sequence[Day]) -> float:
    """Publish every day twice, all days at the same time, and return the seconds that it took."""
    seconds = 0.0
    for rows in (3000, 10):
        for day in days:
            source.more(day, rows)
        start = time.monotonic()
        for started in [Run(target, [day]) for day in days]:
            started.outcome(180)
        seconds = time.monotonic() - start
    return seconds


def _killed_after(seconds: float, source: Source, target: Target, day: Day) -> list[str]:
    source.more(day, 10)
    started = Run(target, [day])
    time.sleep(seconds)
    started.kill()
    return [f"killed after {seconds:.3f} s: {line}" for line in day.defects()]


def _killed_at(point: str, gates: Gatekeeper, source: Source, target: Target, day: Day) -> list[str]:
    source.more(day, 10)
    with gates.closed(point):
        started = Run(target, [day])
        backend = gates.arrived(point)
        started.kill()
        found = day.defects()
    gates.gone(backend)
    return [f"killed when {point}: {line}" for line in found + day.defects()]
