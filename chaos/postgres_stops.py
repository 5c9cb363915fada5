"""Postgres is stopped with `immediate` while runs load: without a checkpoint, so it recovers from its WAL."""

import signal
import time

from bench.database import migrated
from chaos.exactness import defects, first_days
from chaos.rig import Figure, Rig
from chaos.runs import Run, Target, ingest
from pyzn_local.ports import free_port
from pyzn_local.postgres import Postgres

DAYS = 2  # that load at the same time
RECOVERY = 120  # seconds


def run(rig: Rig) -> list[Figure]:
    """Stop the server at a random moment of a load, start it, look, read the days again."""
    postgres = Postgres(rig.directory / "stopped", free_port())
    postgres.create()
    server = postgres.start()
    wrong: list[str] = []
    by_hand: list[str] = []
    try:
        postgres.wait_until_ready(server)
        database = migrated(postgres)
        with rig.source() as source:
            target = Target.of(database.owner_url, source)
            days = first_days(database.api_url, DAYS)
            seconds = 1.0  # for the first run, which also fills caches
            for stop in range(rig.size):
                for day in days:
                    source.more(day, 10 if stop else 3000)
                runs = [Run(target, [day]) for day in days]
                time.sleep(rig.random.uniform(0, seconds))
                server.send_signal(signal.SIGQUIT)
                server.wait()
                outcomes = [started.outcome(RECOVERY) for started in runs]
                by_hand += [f"stop {stop}: a run {outcome.died}" for outcome in outcomes if outcome.died]
                server = postgres.start()
                postgres.wait_until_ready(server)
                found = [line for day in days for line in day.defects()]
                start = time.monotonic()
                by_hand += [f"stop {stop}: {line}" for line in ingest(target, *days).complaints()]
                seconds = (time.monotonic() - start) / 1.5  # two days one after the other
                found += [line for day in days for line in day.newest_defects()]
                wrong += [f"stop {stop}: {line}" for line in found]
            wrong += defects(database.api_url, days)
    finally:
        server.send_signal(signal.SIGINT)
        server.wait()
    done = f"{rig.size:,} immediate stops"
    return [
        Figure("Postgres stopped in mid-load", done, "wrong days", wrong),
        Figure("after Postgres came back", done, "runs that needed help", by_hand),
    ]
