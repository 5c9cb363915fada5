"""One ETag, one body: over every route, whatever changes, in every process alike; and no new ETag without a reason."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import httpx
import psycopg
import pytest
from pydantic import SecretStr
from sqlalchemy import Engine

import pyzn_api
from pyzn_api import cache
from pyzn_local.postgres import Postgres
from pyzn_pipeline.maintenance.retention import retire
from pyzn_pipeline.rankings.rankings import rank
from pyzn_pipeline.recounts import recounts
from pyzn_pipeline.store.database import engine, statement
from pyzn_pipeline.store.imported_totals import import_totals
from tests.api.conftest import Clock, hashed, serving, settings
from tests.api.routes import NEVER_KEPT, VARIANTS, urls, urls_of_all_of_pypi
from tests.api.stock import Count, stock
from tests.api.stock import publish as restock
from tests.conftest import Database, create_database, own_database
from tests.days import Download, scan_of
from tests.store.publishing import publish
from tests.waiting import wait_for_lock

URLS = urls("foo-bar") + urls_of_all_of_pypi()
NEWEST, SUSPECT, RETIRED = date(2026, 7, 19), date(2026, 7, 17), date(2024, 2, 3)
# The clock says 2026-07-20: these are the first days of a year, four months, 30 days; and one that v2 loses next month.
FIRST_DAYS = [date(2025, 7, 20), date(2026, 3, 20), date(2026, 6, 20), date(2026, 4, 15)]


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that a busy machine keeps from the ledger for 0.7 s answers from before the change, as it should."""
    monkeypatch.setattr("pyzn_api.database.LOOKUP_SECONDS", 30)


@dataclass
class World:
    """A database, a clock, and what two servers have answered."""

    store: Engine
    clock: Clock
    read_ledger: Callable[..., None]
    servers: list[httpx.Client]
    bodies: dict[tuple[str, str], bytes] = field(default_factory=dict)  # by URL and ETag
    latest: dict[str, str] = field(default_factory=dict)  # ETag by URL

    def look(self) -> tuple[set[str], set[str]]:
        """Of which URLs the body, and of which the ETag has changed since the last look.

        Demands that the servers agree, that no ETag stands for a body that it did not stand for before, and
        304 for the ETag of the last look, or 200 if it has changed.
        """
        self.read_ledger(*self.servers)
        bodies, etags = set(), set()
        for url in URLS:
            before = self.latest.get(url)
            for server in self.servers if not url.startswith("/chart/") else self.servers[:1]:
                answer = server.get(url)
                assert answer.status_code == 200, (url, answer.text)
                etag = answer.headers["etag"]
                known = self.bodies.setdefault((url, etag), answer.content)
                assert known == answer.content, f"{url}: two bodies under one ETag"
                assert server is self.servers[0] or etag == self.latest[url], f"{url}: two ETags at a time"
                self.latest[url] = etag
                if before is not None:
                    again = server.get(url, headers={"If-None-Match": before})
                    assert (again.status_code, again.content) == ((304, b"") if etag == before else (200, known)), url
            if url.startswith("/chart/"):  # to draw it in both would take most of the time of these tests
                other = self.servers[1].get(url, headers={"If-None-Match": etag})
                assert other.status_code == 304, f"{url}: two ETags at a time"
            if before is not None and etag != before:
                etags.add(url)
            if before is not None and self.bodies[url, etag] != self.bodies[url, before]:
                bodies.add(url)
        return bodies, etags


def published(store: Engine, day: date, number: int) -> None:
    """`number` downloads of foo-bar in each of its breakdowns, and one of another project."""
    downloads = [
        Download("foo-bar", "1.0", "US", python="3.12.1", system="Linux"),
        Download("foo-bar", "2.0", "DE", ci=True),
    ] * number
    publish(store, scan_of(day, [*downloads, Download("other")]))


@pytest.fixture(scope="module")
def with_days(postgres: Postgres) -> str:
    """The name of a database with days of every kind, to be copied."""
    store = engine(SecretStr(create_database(postgres, "pyzn_etags").owner_url))
    for day in (RETIRED, *FIRST_DAYS, *FIRST_DAYS, SUSPECT, NEWEST):  # twice: final
        published(store, day, 3)
    with store.begin() as connection:
        connection.exec_driver_sql(f"UPDATE pyzn.days SET status = 'suspect' WHERE day = '{SUSPECT}'")
    rank(store, NEWEST)
    return "pyzn_etags"


@pytest.fixture
def world(postgres: Postgres, with_days: str, read_ledger: Callable[..., None]) -> Iterator[World]:
    with own_database(postgres, with_days) as database:
        configured, clock = settings(database.api_url, admin_password_hash=hashed("secret")), Clock()
        with serving(configured, clock) as first, serving(configured, clock) as second:
            world = World(engine(SecretStr(database.owner_url)), clock, read_ledger, [first, second])
            world.look()
            yield world


def imported(world: World) -> None:
    import_totals(world.store, ["project,total_downloads\n", "foo-bar,1000\n"], NEWEST)


def imported_as_it_is(world: World) -> None:
    import_totals(world.store, ["project,total_downloads\n", "foo-bar,42\n"], NEWEST)


def a_missing_day(world: World) -> None:
    published(world.store, date(2026, 7, 18), 2)


def a_newer_day(world: World) -> None:
    published(world.store, date(2026, 7, 20), 2)


def a_day_before_every_window(world: World) -> None:
    published(world.store, date(2025, 3, 1), 1)


def a_new_revision(world: World) -> None:
    published(world.store, NEWEST, 4)


def the_same_again(world: World) -> None:
    published(world.store, FIRST_DAYS[2], 3)


def accepted(world: World) -> None:
    with world.store.begin() as connection:
        connection.execute(statement("accept_day"), {"day": SUSPECT, "because": "a holiday"})


def recounted(world: World, found: int = 7) -> None:
    with world.store.begin() as connection:
        asked = {"day": NEWEST, "revision": 1, "found": found, "by": "count", "settled": True}
        connection.execute(statement("record_recount", recounts.__file__), asked)


def recounted_as_more(world: World) -> None:
    recounted(world, 8)


def retired(world: World) -> None:
    assert retire(world.store, NEWEST, 500) == [RETIRED.replace(day=1)]


def ranked_again(world: World) -> None:
    rank(world.store, NEWEST)


def ranked_after_a_revision(world: World) -> None:
    published(world.store, NEWEST, 4)
    world.look()
    rank(world.store, NEWEST)


def ranked_with_a_day_more(world: World) -> None:
    published(world.store, date(2026, 7, 18), 3)
    world.look()
    rank(world.store, NEWEST)


def tomorrow(world: World) -> None:
    world.clock.now += timedelta(days=1)


def a_month_later(world: World) -> None:
    world.clock.now += timedelta(days=31)


TOTAL = "/api/projects/foo-bar"
# Each change, and a URL whose body it must change; without one, none.
CHANGES: list[tuple[Callable[[World], None], str | None]] = [
    (imported, "/badge/foo-bar"),
    (imported_as_it_is, None),
    (a_missing_day, "/badge/foo-bar/month"),
    (a_newer_day, "/api/v4/days"),
    (a_day_before_every_window, "/personalized-badge/foo-bar"),
    (a_new_revision, "/api/v3/pro/projects/foo-bar/country-downloads"),
    (the_same_again, None),
    (accepted, "/api/v4/projects/foo-bar/versions"),
    (recounted, "/api/v4/top"),
    (recounted_as_more, None),
    (retired, "/api/v1/admin/projects/foo-bar?password=secret"),
    (ranked_again, None),
    (ranked_after_a_revision, "/api/v4/top?period=month&format=csv"),
    (ranked_with_a_day_more, "/api/v4/top?period=week"),
    (tomorrow, "/api/v3/pro/projects/foo-bar/downloads?timeRange=FOUR_MONTHS"),
    (a_month_later, "/api/v2/projects/foo-bar"),
]
# An ETag that is new although the body is not, which costs a transfer: a total knows nothing of retirement, and a
# ranking nothing of the days that have come since.
FOR_NOTHING = {
    "retired": {TOTAL, "/api/v2/projects/foo-bar", "/badge/foo-bar", "/personalized-badge/foo-bar"},
    "a_missing_day": {
        "/api/v4/top?period=week",
        *(path for path in VARIANTS if path.startswith("/top-pypi-packages") and path.endswith(".json")),
    },
}


def test_every_route_is_asked_and_what_has_no_etag_is_never_kept(world: World) -> None:
    server = world.servers[0]
    paths = server.get("/openapi.json").json()["paths"]
    assert set(paths) == {*VARIANTS, *NEVER_KEPT}, "add a new route to VARIANTS"
    for path in NEVER_KEPT:
        answer = server.get(path)
        assert "etag" not in answer.headers
        assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(("change", "seen"), CHANGES, ids=[change.__name__ for change, _ in CHANGES])
def test_an_etag_changes_with_the_body_and_with_nothing_else(
    world: World, change: Callable[[World], None], seen: str | None
) -> None:
    change(world)
    bodies, etags = world.look()
    assert seen in bodies if seen else not bodies
    assert bodies <= etags
    assert etags - bodies <= FOR_NOTHING.get(change.__name__, set())


@pytest.mark.parametrize(
    "url", ["/api/projects/sampleproject", "/api/v4/projects/sampleproject/versions", "/api/v4/top"]
)
def test_what_is_published_while_an_answer_is_rendered_is_not_sent_under_the_etag_of_what_was_before(
    database: Database, url: str, read_ledger: Callable[..., None]
) -> None:
    stock(database.owner_url)
    table = "top_projects" if url.endswith("top") else "projects"
    with (
        serving(settings(database.api_url)) as early,
        serving(settings(database.api_url)) as late,
        psycopg.connect(database.owner_url) as owner,
        ThreadPoolExecutor() as threads,
    ):
        before = early.get(url)
        owner.execute(f"LOCK TABLE pyzn.{table} IN ACCESS EXCLUSIVE MODE")
        asked = threads.submit(late.get, url)  # has read the ledger, and waits for the table
        wait_for_lock(owner)
        restock(owner, NEWEST, {"sampleproject": ({"9.0": Count(77)}, {"US": 77})}, "provisional")
        owner.execute("UPDATE pyzn.rankings SET computed_from = 'other', ranked_at = now()")
        owner.execute("UPDATE pyzn.top_projects SET downloads = 77 WHERE project = 'sampleproject'")
        owner.commit()
        answer = asked.result()
        assert "77" in answer.text
        assert answer.headers["etag"] != before.headers["etag"]
        read_ledger(early, late)
        for server in (early, late):
            after = server.get(url)
            assert (after.headers["etag"], after.content) == (answer.headers["etag"], answer.content)


def test_what_is_published_while_an_answer_is_rendered_and_is_not_in_it_changes_nothing(database: Database) -> None:
    stock(database.owner_url)
    url = "/api/v3/pro/projects/sampleproject/downloads"
    with (
        serving(settings(database.api_url)) as early,
        serving(settings(database.api_url)) as late,
        psycopg.connect(database.owner_url) as owner,
        ThreadPoolExecutor() as threads,
    ):
        before = early.get(url)
        owner.execute("LOCK TABLE pyzn.projects IN ACCESS EXCLUSIVE MODE")
        asked = threads.submit(late.get, url)  # has read the ledger, and waits for the table
        wait_for_lock(owner)
        restock(owner, date(2024, 1, 1), {"sampleproject": ({"0.1": Count(1)}, {"US": 1})})
        owner.execute("UPDATE pyzn.days SET published_at = now() WHERE day = '2024-01-01'")  # as the pipeline does
        owner.commit()
        answer = asked.result()
        assert (answer.headers["etag"], answer.content) == (before.headers["etag"], before.content)
        assert "pyzn_api_database_statements_total 1.0\n" in late.get("/metrics").text  # not rendered again


def test_processes_of_other_code_never_share_an_etag(tmp_path: Path) -> None:
    def code() -> str:
        return subprocess.run(
            [sys.executable, "-c", "from pyzn_api.cache import CODE, code; print(code(*CODE).hex())"],
            cwd=tmp_path, capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip

    shutil.copytree(Path(pyzn_api.__path__[0]), tmp_path / "pyzn_api")
    same = code()
    assert same == f"{cache.code(*cache.CODE).hex()}\n"
    statement = tmp_path / "pyzn_api" / "sql" / "badge.sql"
    statement.write_text(statement.read_text().replace("total_downloads,", "total_downloads + 1,"))
    assert code() != same
