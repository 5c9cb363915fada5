"""Many workers at once: on the same day, on the same range, and on different days of the same projects."""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace

import psycopg

from chaos.exactness import defects, first_days
from chaos.gates import Gatekeeper
from chaos.proxy import Fault, Kind, Proxy
from chaos.rig import Figure, Rig
from chaos.runs import Run, Target, ingest
from chaos.source import sample_rows
from tests.waiting import wait_until

WORKERS = 8
FIRST_ROWS = 5_000  # bytes; the whole answer is longer
SILENCE = 4.0  # seconds
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
    same, all_twice, one_each = [slice(1)] * WORKERS, [slice(rig.size)] * 2, [slice(n, n + 1) for n in range(WORKERS)]
    cases = [
        ("the same day at once", f"{WORKERS} workers", _defects(rig, 1, same, all_at_once=True)),
        ("an older reading that is late", f"{READINGS} readings at once", _late_defects(rig)),
        ("the same days backfilled at once", f"{rig.size:,} days, twice", _defects(rig, rig.size, all_twice)),
        (
            "different days at once", f"{WORKERS} workers, the same projects",
            _defects(rig, WORKERS, one_each, out_of_order=True),
        ),
    ]  # fmt: skip
    return [Figure(name, done, "wrong contents or revisions", found) for name, done, found in cases]


def _late_defects(rig: Rig) -> list[str]:
    """Return the defects when a reading's rows are delayed while the source gets other rows of the same number."""
    database = rig.database()
    with rig.source() as source, Proxy(source.server.storage_endpoint) as delayed:
        target, (day,) = Target.of(database.owner_url, source), first_days(database.api_url, 1)
        source.more(day, 500)
        delayed.arm(Fault(Kind.STALL, upwards=False, after=FIRST_ROWS))
        older = Run(replace(target, storage_endpoint=delayed.address, silence=SILENCE), [day])
        wait_until(lambda: delayed.passed[1] > FIRST_ROWS)  # it has the query's answer, but not the rows
        source.replace(day, sample_rows(day.date, 500, 1000))
        newer = ingest(target, day)
        return older.outcome(120).complaints() + newer.complaints() + defects(database.api_url, [day])


def _defects(
    rig: Rig, number: int, shares: Sequence[slice], all_at_once: bool = False, out_of_order: bool = False
) -> list[str]:
    """Return the defects after a worker for each share has read those days, all at the same time, twice.

    With `all_at_once`, no worker publishes before all of them wait for something.
    """
    database = rig.database()
    days = first_days(database.api_url, number)
    found = []
    with rig.source() as source, Gatekeeper.of(database.owner_url) as gates:
        target = Target.of(database.owner_url, source)
        if out_of_order:
            with psycopg.connect(database.owner_url) as connection:
                connection.execute(OUT_OF_ORDER)  # the schema's owner may
        for reading in range(1, READINGS + 1):
            # Of different sizes: the server then processes their projects in different orders.
            for n, day in enumerate(days):
                source.more(day, 100 + 300 * (n % WORKERS))
            with gates.closed("totals are locked") if all_at_once else nullcontext():
                runs = [Run(target, days[share]) for share in shares]
                if all_at_once:
                    gates.waiting(len(runs))
            outcomes = [started.outcome(600) for started in runs]
            found += [line for outcome in outcomes for line in outcome.complaints()]
            for day in days:
                published = [outcome.published[day.date] for outcome in outcomes if day.date in outcome.published]
                if (changes := sum(publication.changed for publication in published)) != 1:
                    found.append(f"day {day.date}: its content was published {changes} times in reading {reading}")
                if revisions := {publication.revision for publication in published} - {reading}:
                    found.append(f"day {day.date}: revisions {revisions} in reading {reading}")
            found += defects(database.api_url, days)
    return found
