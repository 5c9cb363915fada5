"""Readers while days are published: no reader may see an empty or half day, and none may wait."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event
from typing import Any

import psycopg

from chaos.figures import Check, Figure, Rig, count_figure
from chaos.runs import Target, ingest, processes
from pyzn_pipeline.breakdowns import BREAKDOWNS

DAYS = (date(2026, 7, 14), date(2026, 7, 15))
NEW_MONTHS = (date(2026, 8, 1), date(2026, 9, 1))  # first days of months; each adds a partition while others read
READERS = 3  # one of them holds its transaction open
HELD = 2.0  # seconds
LONGEST = 0.2  # seconds
DAY_SUMS = "SELECT day, downloads, {sums} FROM pyzn.days WHERE day = ANY(%s)"
VIEW_SUM = "(SELECT sum(downloads)::bigint FROM pyzn.{view} AS read WHERE read.day = days.day)"
BADGE = "SELECT sum(downloads) FROM pyzn.downloads_by_project WHERE project = 'requests' AND day >= '2026-07-01'"


@dataclass
class Seen:
    """What a reader saw: the sums of each day as in Content.sums, and the seconds of its slowest small read."""

    reads: int = 0
    sums: set[tuple[Any, ...]] = field(default_factory=set)
    slowest: float = 0.0
    unrepeatable: int = 0


def run(rig: Rig) -> list[Figure]:
    """Publish days repeatedly while others read, and compare every sum that was seen with the published ones."""
    with rig.parts.source() as source, rig.parts.database() as database:
        target = Target(database.owner_url, source.server.endpoint, source.server.storage_endpoint)
        real = {day: {source.more(day, 5000).sums()} for day in DAYS}
        complaints = ingest(target, *DAYS).complaints()
        done = processes.Event()
        readers = [_Reader(database.api_url, done, HELD if n == 0 else 0) for n in range(READERS)]
        for n in range(rig.size):
            days = [*DAYS, *NEW_MONTHS[n : n + 1]]
            for day in days:
                real.setdefault(day, set()).add(source.more(day, 20).sums())
            complaints += ingest(target, *days).complaints()
            rig.tick()
        done.set()
        seen = [reader.seen() for reader in readers]
    sums = set().union(*(each.sums for each in seen))
    wrong = [
        f"day {day}: {downloads} downloads, by {', '.join(b.name for b in BREAKDOWNS)} {parts}"
        for day, downloads, *parts in sorted(sums, key=str)
        if (downloads, *parts) not in real[day]
    ]
    wrong += [f"{each.unrepeatable} reads changed within one transaction" for each in seen if each.unrepeatable]
    slowest = max(each.slowest for each in seen)
    reads = sum(each.reads for each in seen)
    return [
        count_figure(
            "readers during publication",
            f"{reads:,} reads, {rig.size * len(DAYS):,} publications",
            "empty or half days",
            wrong + complaints,
        ),
        Figure(
            "the longest read",
            f"{READERS} readers, one transaction open",
            f"{slowest * 1000:.0f} ms",
            f"<= {LONGEST * 1000:.0f} ms",
            [f"a read of one project took {slowest:.3f} s"] if slowest > LONGEST else [],
        ),
    ]


class _Reader:
    """A process that reads until `done`. It keeps each transaction open for `held` seconds."""

    def __init__(self, api_url: str, done: Event, held: float) -> None:
        self._receiver, sender = processes.Pipe(duplex=False)
        self._process = processes.Process(target=_read, args=(sender, api_url, done, held), daemon=True)
        self._process.start()
        sender.close()

    def seen(self) -> Seen:
        seen: Seen = self._receiver.recv()
        self._process.join()
        return seen


def _read(sender: "Connection[Seen, None]", api_url: str, done: Event, held: float) -> None:
    seen = Seen()
    days: Sequence[date] = [*DAYS, *NEW_MONTHS]
    day_sums = DAY_SUMS.format(sums=", ".join(VIEW_SUM.format(view=b.view) for b in BREAKDOWNS)).encode()
    with psycopg.connect(api_url, autocommit=True) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        while not done.is_set():
            with connection.transaction():
                first = connection.execute(day_sums, [days]).fetchall()
                seen.sums |= set(first)
                if held:
                    done.wait(held)
                    seen.unrepeatable += connection.execute(day_sums, [days]).fetchall() != first
            for _ in range(10):
                start = time.monotonic()
                connection.execute(BADGE).fetchone()
                seen.slowest = max(seen.slowest, time.monotonic() - start)
                seen.reads += 1
                time.sleep(0.005)
    sender.send(seen)


CHECK = Check("readers", "REPUBLICATIONS", 4, 200, "publications among readers", run)
