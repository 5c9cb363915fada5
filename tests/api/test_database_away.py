"""Postgres stopped, hanging or busy: an answer within about a second, and no restart to recover."""

import asyncio
import signal
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta

import httpx
import psutil
import psycopg
import pytest
from pydantic import SecretStr

from pyzn_api import cache
from pyzn_api import database as reading
from pyzn_local.ports import free_port
from pyzn_local.postgres import Postgres
from pyzn_pipeline.postgres_url import with_driver
from pyzn_pipeline.store.database import engine
from pyzn_pipeline.store.schema import migrate
from tests.api.conftest import Clock, metric, serving, settings
from tests.api.stock import stock
from tests.conftest import Database
from tests.waiting import wait_for_lock, wait_until

PATH = "/api/projects/sampleproject"
OTHER = "/api/v2/projects/sampleproject"


class Switched:
    """A server that a test can stop, freeze and start."""

    def __init__(self, server: Postgres) -> None:
        self.server = server
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = self.server.start()
        while not self.server.is_ready():
            time.sleep(0.05)

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait()
            self._process = None

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """The postmaster and each of its backends, which are its children."""
        assert self._process is not None
        postmaster = psutil.Process(self._process.pid)
        processes = [postmaster, *postmaster.children()]
        for each in processes:
            each.suspend()
        yield
        for each in processes:
            each.resume()


@pytest.fixture(scope="module")
def away(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Switched, Database]]:
    """A stocked server of its own, running at the start of each test."""
    server = Postgres(tmp_path_factory.mktemp("switched"), free_port())
    server.create()
    switched = Switched(server)
    switched.start()
    server.ensure_role("pyzn", "owner-password")
    server.ensure_database("pyzn", "pyzn")
    urls = Database(server.url("pyzn", "pyzn", "owner-password"), server.url("pyzn", "pyzn_api", "api-password"))
    owner = engine(SecretStr(urls.owner_url))
    migrate(owner, with_driver(SecretStr(urls.api_url)))
    owner.dispose()
    stock(urls.owner_url)
    yield switched, urls
    switched.stop()


def assert_away(response: httpx.Response) -> None:
    assert response.status_code == 503, response.text
    assert response.json() == {"error": 503, "message": "The database does not answer; try again shortly."}
    assert int(response.headers["retry-after"]) > 0


def wait_until_answered(client: httpx.Client, path: str) -> None:
    wait_until(lambda: client.get(path).status_code == 200)


def wait_until_not_fresh(client: httpx.Client) -> None:
    """Return once it has tried to read the ledger and failed."""
    wait_until(lambda: client.get("/api/v4/status").status_code == 503)


def test_it_starts_without_postgres_and_finds_it_later(away: tuple[Switched, Database]) -> None:
    switched, urls = away
    switched.stop()
    try:
        with serving(settings(urls.api_url)) as client:
            assert client.get("/health-check").status_code == 200
            for _ in range(3):
                assert_away(client.get(PATH))
            switched.start()
            wait_until_answered(client, PATH)
    finally:
        switched.stop()
        switched.start()


def test_while_postgres_is_stopped_known_answers_are_stale_and_others_503(away: tuple[Switched, Database]) -> None:
    switched, urls = away
    clock = Clock()
    with serving(settings(urls.api_url), clock) as client:
        known = client.get(PATH)
        switched.stop()
        try:
            wait_until_not_fresh(client)
            assert client.get(PATH).content == known.content
            clock.now += timedelta(days=1)  # by now it should be another answer, which cannot be had
            answer = client.get(PATH)
            assert (answer.status_code, answer.content) == (200, known.content)
            assert_away(client.get(OTHER))
            assert client.get("/api/projects/%00").status_code == 404
            assert metric(client, 'pyzn_api_answers_total{outcome="stale"}') == 1
        finally:
            switched.start()
        wait_until_answered(client, OTHER)


def test_a_restart_between_two_requests_is_not_noticed(away: tuple[Switched, Database]) -> None:
    switched, urls = away
    with serving(settings(urls.api_url, cache_bytes=0)) as client:
        with ThreadPoolExecutor(8) as threads:  # so that the pool holds several connections
            assert {r.status_code for r in threads.map(lambda _: client.get(OTHER), range(50))} == {200}
        switched.stop()
        switched.start()
        assert client.get(PATH).status_code == 200


@pytest.mark.parametrize("path", [OTHER, "/compare?name=sampleproject&name=busy", "/projects/busy?range=all"])
def test_a_server_that_hangs_is_503_by_the_next_look_at_the_ledger_whatever_the_answer_still_needs(
    away: tuple[Switched, Database], path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing else could end it here: an answer has an hour, of one statement or of the several of a page."""
    monkeypatch.setattr(cache, "ANSWER_SECONDS", 3600)
    switched, urls = away
    with serving(settings(urls.api_url)) as client:
        known = client.get(PATH)
        with switched.frozen():
            answer, again = client.get(path), client.get(PATH)
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) > 0
        assert again.content == known.content
        wait_until_answered(client, path)


def test_all_statements_of_an_answer_share_one_second_of_waiting_and_one_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    budget = reading.Budget(reading.ANSWER_SECONDS)
    given = []
    for _ in range(4):  # statements, each of which waits for a connection and takes as long again
        with budget.waiting() as seconds:
            given.append(seconds)
            now += 0.3
        now += 0.3
    assert given == pytest.approx([reading.CONNECTION_SECONDS - 0.3 * n for n in range(3)] + [0.001])
    assert budget.left == pytest.approx(reading.ANSWER_SECONDS - 2.4)


def test_an_exhausted_pool_is_503_and_tells_nothing(away: tuple[Switched, Database]) -> None:
    _, urls = away
    with (
        serving(settings(urls.api_url, pool_size=1)) as client,
        psycopg.connect(urls.owner_url) as owner,
        ThreadPoolExecutor(1) as threads,
    ):
        known = client.get(PATH)
        owner.execute("LOCK TABLE pyzn.projects IN ACCESS EXCLUSIVE MODE")
        slow = threads.submit(client.get, OTHER)  # has the only connection, and waits for the lock
        wait_for_lock(owner)
        assert_away(client.get("/api/projects/busy"))
        assert client.get(PATH).content == known.content
        owner.rollback()
        assert slow.result().status_code == 200


def test_a_statement_that_takes_too_long_is_503_in_words(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_SESSION", reading._SESSION.replace("'5s'", "'500ms'"))
    with serving(settings(database.api_url)) as client, psycopg.connect(database.owner_url) as owner:
        owner.execute("LOCK TABLE pyzn.projects IN ACCESS EXCLUSIVE MODE")
        response = client.get(PATH)
        assert (response.status_code, int(response.headers["retry-after"]) > 0) == (503, True)
        assert response.json()["message"].startswith("The server is busy with large answers")
        owner.rollback()
        assert client.get(PATH).status_code == 404


def test_a_database_that_is_not_migrated_is_503(away: tuple[Switched, Database]) -> None:
    switched, urls = away
    switched.server.ensure_database("empty", "pyzn")
    with serving(settings(urls.api_url.rpartition("/")[0] + "/empty")) as client:
        assert_away(client.get(PATH))


CLIENTS = 500
PAUSE = 3.0  # seconds between two requests of one of them


async def through_an_outage(port: int, switched: Switched) -> list[list[httpx.Response]]:
    """Return the answers before, during and after a stop of Postgres; every other client asks for something new."""
    limits = httpx.Limits(max_connections=CLIENTS)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", limits=limits, timeout=60) as client:

        async def ask(phase: int, number: int) -> httpx.Response:
            path = PATH if number % 2 else f"/api/v4/projects/busy/versions?version={number}.{phase}"
            await asyncio.sleep(PAUSE * number / CLIENTS)
            while (answer := await client.get(path)).status_code == 503 and phase != 1:  # busy: again, as it asks
                await asyncio.sleep(int(answer.headers["retry-after"]))
            return answer

        phases = []
        for phase, change in enumerate((None, switched.stop, switched.start)):
            if change:
                await asyncio.to_thread(change)
            phases.append(await asyncio.gather(*(ask(phase, number) for number in range(CLIENTS))))
        return phases


@pytest.mark.slow
def test_five_hundred_clients_all_get_an_answer_through_an_outage(away: tuple[Switched, Database]) -> None:
    switched, urls = away
    with serving(settings(urls.api_url)) as client:
        known, port = client.get(PATH), client.base_url.port
        assert port is not None
        before, during, after = asyncio.run(through_an_outage(port, switched))
    assert {answer.status_code for answer in (*before, *after)} == {200}
    assert {answer.status_code for answer in during[::2]} == {503}
    stale = [answer for phase in (before, during, after) for answer in phase[1::2]]
    assert {answer.content for answer in stale} == {known.content}
