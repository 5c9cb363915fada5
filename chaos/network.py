"""Cuts, resets or stalls a connection at a random byte: to Postgres, and to both services of BigQuery."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from itertools import chain, cycle, islice, product
from random import Random
from urllib.parse import urlsplit

from chaos.exactness import Day, defects, first_days
from chaos.proxy import Fault, Kind, Proxy
from chaos.rig import Figure, Rig
from chaos.runs import Target, ingest
from chaos.source import Source

LANES = 4  # at the same time: a stalled run only waits
LIFETIME = 12.0  # seconds of a connection to Postgres; short, like the next, so that the check does not take hours
SILENCE = 2.0  # seconds of a connection to BigQuery
LIMIT = 240.0  # seconds after which a run counts as one that never ends; a quiet machine needs three LIFETIMEs

Break = tuple[str, Kind, bool]
"""The connection that breaks, how, and whether upwards."""


@dataclass(frozen=True)
class Lane:
    """A day with its own network, and the proxies of that."""

    day: Day
    target: Target
    legs: Mapping[str, Proxy]


def run(rig: Rig) -> list[Figure]:
    """Break one connection of a run; look; read the day again without a fault; look again."""
    plan = list(islice(cycle(product(("postgres", "jobs", "rows"), Kind, (False, True))), rig.size))
    database = rig.database()
    with rig.source() as source, ExitStack() as stack:
        target, days = Target.of(database.owner_url, source), first_days(database.api_url, LANES)
        lanes = [stack.enter_context(_lane(target, day)) for day in days]

        def broken(lane: Lane, seed: float, breaks: Sequence[Break]) -> tuple[int, list[str], list[str]]:
            return _broken(source, lane, Random(seed), breaks)

        with ThreadPoolExecutor(LANES) as threads:
            seeds = [rig.random.random() for _ in lanes]
            met, wrong, late = zip(
                *threads.map(broken, lanes, seeds, [plan[n::LANES] for n in range(LANES)]), strict=True
            )
        final = defects(database.api_url, days)
    done = f"{sum(met):,} of {len(plan):,} cuts, resets, stalls"
    none = [] if sum(met) else ["no connection was broken"]
    return [
        Figure("network broken", done, "wrong days", [*none, *chain(*wrong), *final]),
        Figure("runs on a broken network", done, "not ended in time", list(chain(*late))),
    ]


@contextmanager
def _lane(target: Target, day: Day) -> Iterator[Lane]:
    """Yield a network of proxies before all of the target."""
    postgres = urlsplit(target.database_url)
    servers = {
        "postgres": f"{postgres.hostname}:{postgres.port}",
        "jobs": urlsplit(target.endpoint).netloc,
        "rows": target.storage_endpoint,
    }
    with ExitStack() as stack:
        legs = {name: stack.enter_context(Proxy(address)) for name, address in servers.items()}
        url = postgres._replace(netloc=f"{postgres.username}:{postgres.password}@{legs['postgres'].address}").geturl()
        yield Lane(day, Target(url, f"http://{legs['jobs'].address}", legs["rows"].address), legs)


def _broken(source: Source, lane: Lane, random: Random, breaks: Sequence[Break]) -> tuple[int, list[str], list[str]]:
    """Return how many breaks met a connection, the defects after each, and the runs that did not end."""
    met = 0
    wrong: list[str] = []
    late: list[str] = []
    day, impatient = lane.day, replace(lane.target, lifetime=LIFETIME, silence=SILENCE)
    source.more(day, 3000)
    ingest(lane.target, day)
    sizes = {name: list(proxy.passed) for name, proxy in lane.legs.items()}
    for leg, kind, upwards in breaks:
        fault = Fault(kind, upwards, random.randrange(sizes[leg][not upwards]))
        source.more(day, 10)
        lane.legs[leg].arm(fault)
        outcome = ingest(impatient, day, timeout=LIMIT)
        met += lane.legs[leg].arm(None)
        name = f"{leg} {kind} at byte {fault.after:,} {'up' if upwards else 'down'}"
        late += [f"{name}: the run {outcome.died}"] if outcome.died else []
        found = day.defects() + ingest(lane.target, day).complaints() + day.newest_defects()
        wrong += [f"{name}: {line}" for line in found]
    return met, wrong, late
