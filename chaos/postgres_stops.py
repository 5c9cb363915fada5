"""Postgres is stopped with `immediate` while runs load: without a checkpoint, so it recovers from its WAL."""

import signal
import time
from datetime import date, timedelta

from chaos.exactness import Watched, defects
from chaos.figures import Check, Figure, Rig
from chaos.parts import migrated
from chaos.runs import Run, Target, ingest
from pyzn_local.ports import free_port
from pyzn_local.postgres import Postgres

FIRST = date(2026, 7, 6)
DAYS = 2  # that load at the same time
RECOVERY = 120  # seconds


def run(rig: Rig) -> list[Figure]:
    """Stop the server at a random moment of a load, start it, look, read the days again."""
    postgres = Postgres(rig.parts.directory / "stopped", free_port())
    postgres.create()
    server = postgres.start()
    wrong: list[str] = []
    by_hand: list[str] = []
    try:
        postgres.wait_until_ready(server)
        database = migrated(postgres)
        with rig.parts.source() as source:
            target = Target(database.owner_url, source.server.endpoint, source.server.storage_endpoint)
            days = [Watched(database.api_url, FIRST + timedelta(days=n)) for n in range(DAYS)]
            seconds = 1.0  # for the first run, which also fills caches
            for stop in range(rig.size):
                for watched in days:
                    watched.expect(source.more(watched.day, 10 if stop else 3000))
                runs = [Run(target, [watched.day]) for watched in days]
                time.sleep(rig.random.uniform(0, seconds))
                server.send_signal(signal.SIGQUIT)
                server.wait()
                outcomes = [started.outcome(RECOVERY) for started in runs]
                by_hand += [f"stop {stop}: a run {outcome.died}" for outcome in outcomes if outcome.died]
                server = postgres.start()
                postgres.wait_until_ready(server)
                for watched in days:
                    wrong += [f"stop {stop}: {line}" for line in watched.look()]
                start = time.monotonic()
                by_hand += [f"stop {stop}: {line}" for line in ingest(target, *(day.day for day in days)).complaints()]
                seconds = (time.monotonic() - start) / 1.5  # two days one after the other
                for watched in days:
                    wrong += [f"stop {stop}, read again: {line}" for line in watched.look_for_the_newest()]
            wrong += defects(database.api_url, {watched.day: [source.content(watched.day)] for watched in days})
    finally:
        server.send_signal(signal.SIGINT)
        server.wait()
    done = f"{rig.size:,} immediate stops"
    return [
        Figure("Postgres stopped in mid-load", done, "wrong days", wrong),
        Figure("after Postgres came back", done, "runs that needed help", by_hand),
    ]


CHECK = Check("postgres-stops", "POSTGRES_STOPS", 3, "immediate stops of Postgres", run)
