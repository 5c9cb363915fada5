"""Bad days at the source: short, doubled, without a country or an hour, changed between two reads, a page lost, …

All are the same weekday, after three ordinary ones. Each is read. Then the source becomes correct, and the check
does what PyZn asks for automatically: a recount, and the readings that follow from it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import psycopg
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import SecretStr

from chaos.exactness import defects
from chaos.figures import Check, Figure, Rig, count_figure
from chaos.parts import Database
from chaos.runs import Target, ingest
from chaos.source import TABLE, Source, shuffled
from pyzn_pipeline.recounts.recounts import recount
from pyzn_pipeline.source.bigquery import BigQuery
from pyzn_pipeline.source.connection import connect
from pyzn_pipeline.store.database import engine
from pyzn_pipeline.wanted_days.wanted import due_for_reading

FIRST = date(2024, 1, 1)
WEEKS = 3  # before the first bad day; the fewest that the soft audits need
ROWS = 6000  # of a whole day


def _true(day: date) -> pa.Table:
    return shuffled(day).take(list(range(ROWS)))


def _share(share: float) -> Callable[[pa.Table], pa.Table]:
    return lambda rows: rows.take(list(range(int(rows.num_rows * share))))


def _fewer_projects(rows: pa.Table) -> pa.Table:
    """Count three of four projects as the fourth."""
    file = rows["file"].combine_chunks()
    known = pc.unique(file.field("project"))
    lost = pc.is_in(file.field("project"), known.take([n for n in range(len(known)) if n % 4]))
    project = pc.if_else(lost, "requests", file.field("project"))
    columns = {field.name: file.field(field.name) for field in file.type} | {"project": project}
    renamed = pa.StructArray.from_arrays(list(columns.values()), names=list(columns))
    return rows.set_column(rows.schema.get_field_index("file"), "file", renamed)


def _unknown_countries(rows: pa.Table) -> pa.Table:
    """Make one country of five unknown."""
    forgotten = pa.array([n % 5 == 0 for n in range(rows.num_rows)])
    country = pc.if_else(forgotten, None, rows["country_code"].combine_chunks())
    return rows.set_column(rows.schema.get_field_index("country_code"), "country_code", country)


@dataclass(frozen=True)
class Badness:
    """One way in which a source returns wrong rows."""

    name: str
    of: Callable[[pa.Table], pa.Table]
    short: bool = True
    """Whether rows are missing."""
    seen_at_once: bool = True
    """Whether the reading itself must be refused or suspect. Otherwise only a later recount can notice it."""
    after_a_whole_reading: bool = False
    loses_page: bool = False


BAD = (
    Badness("2% missing", _share(0.98), seen_at_once=False),
    Badness("half missing", _share(0.5)),
    Badness("doubled", lambda rows: pa.concat_tables([rows, rows]), short=False),
    Badness("a country gone", lambda rows: rows.filter(pc.not_equal(rows["country_code"], "IE"))),
    Badness("an hour gone", lambda rows: rows.filter(pc.not_equal(pc.hour(rows["timestamp"]), 13))),
    Badness("fewer in a second reading", _share(0.98), after_a_whole_reading=True),
    Badness("a page lost", lambda rows: rows, loses_page=True),
    Badness("most projects gone, not their downloads", _fewer_projects, short=False),
    Badness("countries forgotten", _unknown_countries, short=False),
)


@dataclass
class Found:
    """The defects found, over all the bad days."""

    final: list[str] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)
    uncaught: list[str] = field(default_factory=list)
    unrepaired: list[str] = field(default_factory=list)


def run(rig: Rig) -> list[Figure]:
    """Read three ordinary days, then the bad days, each kind in turn."""
    found = Found()
    days = [FIRST + timedelta(weeks=n) for n in range(WEEKS + rig.size)]
    with rig.parts.source() as source, rig.parts.database() as database:
        target = Target(database.owner_url, source.server.endpoint, source.server.storage_endpoint)
        for day in days[:WEEKS]:
            source.add(day, _true(day))
        found.unrepaired += ingest(target, *days[:WEEKS]).complaints()
        for n, day in enumerate(days[WEEKS:]):
            _suffer(BAD[n % len(BAD)], day, source, database, target, found)
            rig.tick()
        found.unrepaired += defects(database.api_url, {day: [source.content(day)] for day in days})
        short = sum(BAD[n % len(BAD)].short for n in range(rig.size))
    done = f"{rig.size:,} days of {len(BAD)} kinds"
    return [
        count_figure("bad source days", done, "published as final", found.final),
        Figure(
            "short reads",
            f"{short:,} days",
            f"{(short - len(found.uncaught)) / short:.1%} caught",
            "100.0%",
            found.uncaught,
        ),
        count_figure("grossly bad days", done, "published without a doubt", found.unseen),
        count_figure("bad days, the source right again", done, "days not repaired", found.unrepaired),
    ]


def _suffer(bad: Badness, day: date, source: Source, database: Database, target: Target, found: Found) -> None:
    name = f"day {day}, {bad.name}"
    true = _true(day)
    if bad.after_a_whole_reading:
        source.add(day, true)
        found.unrepaired += ingest(target, day).complaints()
    source.replace(day, bad.of(true))
    if bad.loses_page:
        source.server.inject({"lose_page": True})
    outcome = ingest(target, day)
    source.server.clear_faults()
    status = _status(database, day)
    doubted = day in outcome.refused or status == "suspect"
    if outcome.died:
        found.unrepaired.append(f"{name}: the run {outcome.died}")
    if status == "final":
        found.final.append(f"{name}: final once it was read")
    if bad.seen_at_once and not doubted:
        found.unseen.append(f"{name}: published as {status}")

    source.replace(day, true)
    _recount(source, database)
    if _status(database, day) == "final" and not bad.after_a_whole_reading:
        found.final.append(f"{name}: final after a recount")
    asked = _wanted(source, database)
    if bad.short and not doubted and day not in asked:
        found.uncaught.append(f"{name}: published as {status}, and not asked for again")

    if bad.short:
        found.unrepaired += ingest(target, *asked).complaints()
    else:  # the published day has no fewer rows: only a person can know that the source is correct now
        found.unrepaired += ingest(target, day, accept_worse=True).complaints()
    _recount(source, database)
    if (repaired := _status(database, day)) != "final":
        found.unrepaired.append(f"{name}: {repaired} at last")


def _status(database: Database, day: date) -> str:
    with psycopg.connect(database.api_url) as connection:
        row = connection.execute("SELECT status FROM pyzn.days WHERE day = %s", [day]).fetchone()
    return row[0] if row else "missing"


def _later() -> datetime:
    """A few hours from now, because a recount waits an hour after a publication."""
    return datetime.now(UTC) + timedelta(hours=3)


def _recount(source: Source, database: Database) -> None:
    clients = connect("pyzn-chaos", "US", source.server.endpoint, source.server.storage_endpoint)
    try:
        recount(BigQuery(clients, TABLE, 2**40), engine(SecretStr(database.owner_url)), _later())
    finally:
        clients.close()


def _wanted(source: Source, database: Database) -> list[date]:
    """The days of the source that PyZn would ask for automatically."""
    store = engine(SecretStr(database.owner_url))
    return [day for day in due_for_reading(store, _later(), None) if day in source.rows]


CHECK = Check("bad-days", "BAD_DAYS", 9, 100, "bad days at the source", run)
