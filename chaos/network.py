"""Cuts, resets or stalls a connection at a random byte: to Postgres, and to both services of BigQuery."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import product
from random import Random
from urllib.parse import urlsplit

from chaos.exactness import Watched, defects
from chaos.figures import Check, Figure, Rig
from chaos.parts import Database
from chaos.proxy import Fault, Kind, Proxy
from chaos.runs import Target, ingest
from chaos.source import Source

FIRST = date(2026, 7, 6)
LANES = 4  # at the same time: a stalled run only waits
LIFETIME = 12.0  # seconds of a connection to Postgres; short, like the next, so that the check does not take hours
SILENCE = 2.0  # seconds of a connection to BigQuery
LIMIT = 240.0  # seconds after which a run counts as one that never ends; a quiet machine needs three LIFETIMEs


@dataclass(frozen=True)
class Lane:
    """A day with its own network."""

    day: Watched
    target: Target
    legs: Mapping[str, Proxy]


def run(rig: Rig) -> list[Figure]:
    """Break one connection of a run; look; read the day again without a fault; look again."""
    plan = [combination for combination, _ in zip(_combinations(), range(rig.size), strict=False)]
    with rig.parts.source() as source, rig.parts.database() as database, ExitStack() as stack:
        lanes = [stack.enter_context(_lane(source, database, FIRST + timedelta(days=n))) for n in range(LANES)]

        def broken(lane: Lane, seed: float, own: list[tuple[str, Kind, bool]]) -> tuple[list[str], list[str]]:
            wrong: list[str] = []
            late: list[str] = []
            places = Random(seed)
            sizes = _first_reading(source, lane)
            for leg, kind, upwards in own:
                fault = Fault(kind, upwards, places.randrange(sizes[leg][not upwards]))
                lane.day.expect(source.more(lane.day.day, 10))
                lane.legs[leg].arm(fault)
                impatient = replace(lane.target, lifetime=LIFETIME, silence=SILENCE)
                outcome = ingest(impatient, lane.day.day, timeout=LIMIT)
                name = f"{leg} {kind} at byte {fault.after:,} {'up' if upwards else 'down'}"
                late += [f"{name}: the run {outcome.died}"] if outcome.died else []
                lane.legs[leg].arm(None)
                wrong += [f"{name}: {line}" for line in lane.day.look()]
                wrong += [f"{name}, read again: {line}" for line in ingest(lane.target, lane.day.day).complaints()]
                wrong += [f"{name}, read again: {line}" for line in lane.day.look_for_the_newest()]
            return wrong, late

        with ThreadPoolExecutor(LANES) as threads:
            seeds = [rig.random.random() for _ in lanes]
            found = list(threads.map(broken, lanes, seeds, [plan[n::LANES] for n in range(LANES)]))
        final = defects(database.api_url, {lane.day.day: [source.content(lane.day.day)] for lane in lanes})
    done = f"{len(plan):,} cuts, resets, stalls"
    return [
        Figure("network broken", done, "wrong days", [line for wrong, _ in found for line in wrong] + final),
        Figure("runs on a broken network", done, "not ended in time", [line for _, late in found for line in late]),
    ]


def _combinations() -> Iterator[tuple[str, Kind, bool]]:
    """Every leg, broken in every way and in both directions, repeatedly."""
    while True:
        yield from product(("postgres", "jobs", "rows"), Kind, (False, True))


@contextmanager
def _lane(source: Source, database: Database, day: date) -> Iterator[Lane]:
    postgres, jobs = urlsplit(database.owner_url), urlsplit(source.server.endpoint)
    host, _, port = source.server.storage_endpoint.rpartition(":")
    with (
        Proxy(postgres.hostname or "", postgres.port or 0) as to_postgres,
        Proxy(jobs.hostname or "", jobs.port or 0) as to_jobs,
        Proxy(host, int(port)) as to_rows,
    ):
        url = postgres._replace(netloc=f"{postgres.username}:{postgres.password}@{to_postgres.address}").geturl()
        yield Lane(
            Watched(database.api_url, day),
            Target(url, f"http://{to_jobs.address}", to_rows.address),
            {"postgres": to_postgres, "jobs": to_jobs, "rows": to_rows},
        )


def _first_reading(source: Source, lane: Lane) -> dict[str, list[int]]:
    """Publish the day, and return how many bytes each leg carried, upwards and downwards."""
    lane.day.expect(source.more(lane.day.day, 3000))
    ingest(lane.target, lane.day.day)
    return {name: list(leg.passed) for name, leg in lane.legs.items()}


CHECK = Check("network", "NETWORK_FAULTS", 18, "connections cut, reset or stalled", run)
