"""Many workers at once: on the same day, on the same range, and on different days of the same projects."""

import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from datetime import date, timedelta

import psycopg

from chaos.exactness import defects
from chaos.figures import Check, Figure, Rig
from chaos.gates import Gatekeeper
from chaos.proxy import Fault, Kind, Proxy
from chaos.runs import Run, Target, ingest
from chaos.source import shuffled

FIRST = date(2026, 1, 1)
WORKERS = 8
FIRST_ROWS = 5_000  # bytes; the whole answer is longer
HELD_UP = 4.0  # seconds
READINGS = 2  # of everything; the source has more rows the second time
OUT_OF_ORDER = """
    -- Update projects in the order of a hash table, as the planner does when days are large, and slowly: workers that
    -- change the same totals, each in a different order, must not deadlock.
    DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET enable_sort = off', current_database()); END $$;
    CREATE FUNCTION public.slowly() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN PERFORM pg_sleep(0.0002); RETURN NEW; END $$;
    CREATE TRIGGER slowly BEFORE INSERT OR UPDATE ON pyzn.projects FOR EACH ROW EXECUTE FUNCTION public.slowly();
"""


def run(rig: Rig) -> list[Figure]:
    """Run all cases. Each day is compared with the source and with its expected revision."""
    days = [FIRST + timedelta(days=n) for n in range(rig.size)]
    different = [FIRST + timedelta(days=n) for n in range(WORKERS)]
    alike, apart = f"{WORKERS} workers", f"{WORKERS} workers, the same projects"
    cases = [
        ("the same day at once", alike, _found(rig, days[:1], [days[:1]] * WORKERS, all_at_once=True)),
        ("an older reading that is late", f"{READINGS} readings at once", _late(rig, days[0])),
        ("the same days backfilled at once", f"{len(days):,} days, twice", _found(rig, days, [days, days])),
        ("different days at once", apart, _found(rig, different, [[day] for day in different], out_of_order=True)),
    ]
    return [Figure(name, done, "wrong contents or revisions", found) for name, done, found in cases]


def _late(rig: Rig, day: date) -> list[str]:
    """Return the defects when a reading's rows are delayed while the source gets other rows of the same number."""
    with rig.parts.source() as source, rig.parts.database() as database:
        host, _, port = source.server.storage_endpoint.rpartition(":")
        with Proxy(host, int(port)) as held_up:
            source.more(day, 500)
            held_up.arm(Fault(Kind.STALL, upwards=False, after=FIRST_ROWS))
            target = Target(database.owner_url, source.server.endpoint, source.server.storage_endpoint)
            older = Run(replace(target, storage_endpoint=held_up.address, silence=HELD_UP), [day])
            while held_up.passed[1] <= FIRST_ROWS:  # it has the query's answer, but not the rows
                time.sleep(0.01)
            newest = source.replace(day, shuffled(day).take(list(range(500, 1000))))
            newer = ingest(target, day)
            complaints = older.outcome(120).complaints() + newer.complaints()
        return complaints + defects(database.api_url, {day: [newest]})


def _found(
    rig: Rig,
    days: Sequence[date],
    of_workers: Sequence[Sequence[date]],
    all_at_once: bool = False,
    out_of_order: bool = False,
) -> list[str]:
    """Return the defects after all workers have read their days at the same time, twice.

    With `all_at_once`, no worker publishes before all of them wait for something.
    """
    with (
        rig.parts.source() as source,
        rig.parts.database() as database,
        Gatekeeper.of(database.owner_url) as gates,
    ):
        target = Target(database.owner_url, source.server.endpoint, source.server.storage_endpoint)
        if out_of_order:
            with psycopg.connect(database.owner_url) as connection:
                connection.execute(OUT_OF_ORDER)  # the schema's owner may
        found = []
        for reading in range(1, READINGS + 1):
            # Days of different sizes: the server then processes their projects in different orders.
            content = {day: source.more(day, 100 + 300 * (n % WORKERS)) for n, day in enumerate(days)}
            with gates.closed("totals are locked") if all_at_once else nullcontext():
                runs = [Run(target, own) for own in of_workers]
                if all_at_once:
                    gates.waiting(len(of_workers))
            outcomes = [started.outcome(600) for started in runs]
            found += [line for outcome in outcomes for line in outcome.complaints()]
            for day in days:
                published = [outcome.published[day] for outcome in outcomes if day in outcome.published]
                if (changes := sum(publication.changed for publication in published)) != 1:
                    found.append(f"day {day}: its content was published {changes} times in reading {reading}")
                if revisions := {publication.revision for publication in published} - {reading}:
                    found.append(f"day {day}: revisions {revisions} in reading {reading}")
            found += defects(database.api_url, {day: [content[day]] for day in days})
    return found


CHECK = Check("workers", "BACKFILL_DAYS", 4, "days backfilled several times at once", run)
