"""One ETag, one body: over every route, whatever changes, in every process alike; and no new ETag without a reason."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine

import pyzn_api
from pyzn_api import cache, ledger
from pyzn_pipeline.maintenance.retention import retire
from pyzn_pipeline.rankings.rankings import rank
from pyzn_pipeline.recounts import recounts
from pyzn_pipeline.store.database import statement
from pyzn_pipeline.store.events import add, withdraw
from pyzn_pipeline.store.imported_totals import import_totals
from tests.api.conftest import Clock, hashed, metric, read_ledger, serving, settings
from tests.api.routes import CHOSEN, NEVER_KEPT, VARIANTS, urls, urls_of_all_of_pypi
from tests.conftest import Database
from tests.days import Download
from tests.store.publishing import change, publish, totals

URLS = urls("foo-bar") + urls_of_all_of_pypi()
NEWEST, SUSPECT, RETIRED = date(2026, 7, 19), date(2026, 7, 17), date(2024, 2, 3)
# On 2026-07-20 the first days of a year, of four months, of 30 days; and one that v2 loses next month.
FIRST_DAYS = [date(2025, 7, 20), date(2026, 3, 20), date(2026, 6, 20), date(2026, 4, 15)]


@pytest.fixture(autouse=True)
def long_lookups(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that a busy machine keeps from the ledger for 0.7 s answers from before the change, as it should."""
    monkeypatch.setattr("pyzn_api.database.LOOKUP_SECONDS", 30)


@dataclass
class World:
    """A database, a clock, and what two servers have answered."""

    store: Engine
    clock: Clock
    servers: list[httpx.Client]
    bodies: dict[tuple[str, str], bytes] = field(default_factory=dict)  # by URL and ETag
    latest: dict[str, str] = field(default_factory=dict)  # ETag by URL

    def look(self) -> tuple[set[str], set[str]]:
        """Return the URLs whose body, and those whose ETag has changed since the last look.

        Demands that the servers agree, that no ETag stands for a body that it did not stand for before, and
        304 for the ETag of the last look, or 200 if it has changed.
        """
        first, second = self.servers
        read_ledger(first, second)
        bodies, etags = set(), set()
        for url in URLS:
            before = self.latest.get(url, "")
            answer = first.get(url)
            assert answer.status_code == 200, (url, answer.text)
            etag = self.latest[url] = answer.headers["etag"]
            known = self.bodies.setdefault((url, etag), answer.content)
            assert known == answer.content, f"{url}: two bodies under one ETag"
            again = first.get(url, headers={"If-None-Match": before})
            assert (again.status_code, again.content) == ((304, b"") if etag == before else (200, known)), url
            other = second.get(url, headers={"If-None-Match": etag})
            assert (other.status_code, other.headers["etag"]) == (304, etag), f"{url}: two ETags at a time"
            if etag != before:
                etags.add(url)
            if known != self.bodies.get((url, before)):
                bodies.add(url)
        return bodies, etags


def published(store: Engine, day: date, number: int) -> None:
    """Publish `number` downloads of foo-bar in each of its breakdowns, and one of another project."""
    downloads = [
        Download("foo-bar", "1.0", "US", python="3.12.1", system="Linux"),
        Download("foo-bar", "2.0", "DE", ci=True),
    ] * number
    publish(store, day, [*downloads, Download("other")])


@pytest.fixture(scope="module")
def world(shared_database: Database, shared_store: Engine) -> Iterator[World]:
    """A database with days of every kind. The changes follow on one another."""
    for day in (RETIRED, *FIRST_DAYS, *FIRST_DAYS, SUSPECT, NEWEST):  # twice: final
        published(shared_store, day, 3)
    change(shared_store, "UPDATE pyzn.days SET status = 'suspect' WHERE day = :day", day=SUSPECT)
    rank(shared_store, NEWEST)
    configured, clock = settings(shared_database.api_url, admin_password_hash=hashed("secret")), Clock()
    with serving(configured, clock) as first, serving(configured, clock) as second:
        yield World(shared_store, clock, [first, second])


def event(world: World, **more: Any) -> None:
    with world.store.begin() as connection:
        add(connection, **{"last": None, "touches": [], "effect": "Late.", "sources": [], **more})


def accepted(world: World) -> None:
    with world.store.begin() as connection:
        connection.execute(statement("accept_day"), {"day": SUSPECT, "because": "a holiday"})


def recounted(world: World, found: int) -> None:
    with world.store.begin() as connection:
        asked = {"day": NEWEST, "revision": 1, "found": found, "by": "count", "settled": True}
        connection.execute(statement("record_recount", recounts.__file__), asked)


def withdrawn(world: World) -> None:
    with world.store.begin() as connection:
        withdraw(connection, "own-1")


def the_same_again(world: World) -> None:
    """Publish, rank and recount with nothing new."""
    published(world.store, FIRST_DAYS[2], 3)
    rank(world.store, NEWEST)
    recounted(world, 8)


def imported(world: World, total: int) -> None:
    import_totals(world.store, ["project,total_downloads\n", f"foo-bar,{total}\n"], NEWEST)


def ranked(world: World, number: int = 0) -> None:
    """Rank after what has been published, or after so many downloads of the newest day."""
    if number:
        published(world.store, NEWEST, number)
    world.look()
    rank(world.store, NEWEST)


def passed(world: World, days: int) -> None:
    world.clock.now += timedelta(days=days)


COUNTS = ["downloads", "files", "without_mirrors"]
MONTHLY = "/api/v4/top?period=month&format=csv"
# Each change, and a URL whose body it must change; without one, none. Each begins where the one before has ended.
CHANGES: dict[str, tuple[Callable[[World], object], str | None]] = {
    "the same again": (the_same_again, None),
    "recounted": (lambda world: recounted(world, 7), "/api/v4/top"),
    "accepted": (accepted, "/api/v4/projects/foo-bar/versions"),
    "an event": (lambda world: event(world, kind="loss", first=NEWEST, touches=COUNTS), "/api/v4/days"),
    "withdrawn": (withdrawn, "/api/v4/projects/foo-bar/versions"),
    "an old event": (lambda world: event(world, kind="late", first=date(2016, 2, 1)), "/events.atom"),
    "a missing day": (lambda world: published(world.store, date(2026, 7, 18), 2), "/badge/foo-bar/month"),
    "ranked with it": (ranked, "/api/v4/top?period=week"),
    "a revision": (lambda world: published(world.store, NEWEST, 4), "/api/v3/pro/projects/foo-bar/country-downloads"),
    "a revision, ranked": (lambda world: ranked(world, 5), MONTHLY),
    "an old day": (lambda world: published(world.store, date(2025, 3, 1), 1), "/personalized-badge/foo-bar"),
    "imported as it is": (lambda world: imported(world, totals(world.store)["foo-bar"]), None),
    "imported": (lambda world: imported(world, 500), "/badge/foo-bar"),
    "a newer day": (lambda world: published(world.store, date(2026, 7, 20), 2), "/api/v4/days"),
    "retired": (lambda world: retire(world.store, NEWEST, 500), "/api/v1/admin/projects/foo-bar?password=secret"),
    "tomorrow": (lambda world: passed(world, 1), "/api/v3/pro/projects/foo-bar/downloads?timeRange=FOUR_MONTHS"),
    "a month later": (lambda world: passed(world, 31), "/api/v2/projects/foo-bar"),
}
# An ETag that is new although the body is not, which costs a transfer: totals are the same after a retirement, a
# ranking after days that have come since, events of one kind after others, and a map after any event.
DEFINITIONS = "/api/v4/events?kind=definition&format=csv"
MAP = "/chart/foo-bar.svg?by=country&range=year&kind=map"
FOR_NOTHING = {
    "an event": {DEFINITIONS, MAP},
    "withdrawn": {DEFINITIONS, MAP},
    "an old event": {DEFINITIONS},
    "retired": {"/api/projects/foo-bar", "/api/v2/projects/foo-bar", "/badge/foo-bar", "/personalized-badge/foo-bar"},
    "a missing day": {
        "/api/v4/top?period=week",
        *(path for path in VARIANTS if path.startswith("/top-pypi-packages") and path.endswith(".json")),
    },
}


def test_every_route_is_asked_and_what_has_no_etag_is_never_kept(world: World) -> None:
    server = world.servers[0]
    paths = server.get("/openapi.json").json()["paths"]
    assert set(paths) == {*VARIANTS, *CHOSEN, *NEVER_KEPT}, "add a new route to VARIANTS"
    for path in NEVER_KEPT:
        answer = server.get(path)
        assert "etag" not in answer.headers
        assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("name", CHANGES)
def test_an_etag_changes_with_the_body_and_with_nothing_else(world: World, name: str) -> None:
    happen, seen = CHANGES[name]
    if not world.latest:
        world.look()
    happen(world)
    bodies, etags = world.look()
    assert seen in bodies if seen else not bodies
    assert bodies <= etags
    assert etags - bodies <= FOR_NOTHING.get(name, set())


@pytest.fixture
def template(stocked_template: str) -> str:
    return stocked_template


@pytest.fixture
def racing(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[httpx.Client, httpx.Client]]:
    """Two servers that have read the ledger, and read it again only when an answer is newer than it."""
    with serving(settings(database.api_url)) as early, serving(settings(database.api_url)) as late:
        read_ledger(early, late)
        monkeypatch.setattr(ledger, "FRESH_SECONDS", 3600)
        yield early, late


@pytest.mark.parametrize(
    "url", ["/api/projects/sampleproject", "/api/v4/projects/sampleproject/versions", "/api/v4/top"]
)
def test_what_is_published_while_an_answer_is_rendered_is_not_sent_under_the_etag_of_what_was_before(
    racing: tuple[httpx.Client, httpx.Client], store: Engine, url: str
) -> None:
    early, late = racing
    before = early.get(url)
    publish(store, NEWEST, [Download("sampleproject", "9.0", times=777)], accept_worse=True)
    rank(store, NEWEST)
    answer = late.get(url)
    assert "777" in answer.text
    assert answer.headers["etag"] != before.headers["etag"]
    read_ledger(early, late)
    for server in (early, late):
        after = server.get(url)
        assert (after.headers["etag"], after.content) == (answer.headers["etag"], answer.content)


def test_what_is_published_while_an_answer_is_rendered_and_is_not_in_it_changes_nothing(
    racing: tuple[httpx.Client, httpx.Client], store: Engine
) -> None:
    early, late = racing
    url = "/api/v3/pro/projects/sampleproject/downloads"
    before = early.get(url)
    publish(store, date(2024, 1, 1), [Download("sampleproject", "0.1")])
    answer = late.get(url)
    assert (answer.headers["etag"], answer.content) == (before.headers["etag"], before.content)
    assert metric(late, "pyzn_api_database_statements_total") == 1  # not rendered again


def test_processes_of_other_code_never_share_an_etag(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(Path(pyzn_api.__path__[0]), tmp_path / "copy_of_pyzn_api")
    monkeypatch.syspath_prepend(tmp_path)
    same = cache.code.__wrapped__("copy_of_pyzn_api", *cache.CODE[1:])
    assert same == cache.code(*cache.CODE)
    statement = tmp_path / "copy_of_pyzn_api" / "sql" / "badge.sql"
    statement.write_text(statement.read_text().replace("total_downloads,", "total_downloads + 1,"))
    assert cache.code.__wrapped__("copy_of_pyzn_api", *cache.CODE[1:]) != same
