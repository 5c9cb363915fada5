"""Postgres stopped, hanging or busy: an answer within about a second, and no restart to recover."""

import asyncio
import signal
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import timedelta

import httpx
import psutil
import psycopg
import pytest

from pyzn_api import cache
from pyzn_api import database as reading
from pyzn_local.ports import free_port
from pyzn_local.postgres import Postgres
from tests.api.conftest import Clock, metric, migrated, serving, settings
from tests.api.stock import stock
from tests.conftest import Database
from tests.waiting import wait_for_lock, wait_until

PATH = "/api/projects/sampleproject"
OTHER = "/api/v2/projects/sampleproject"


class Switch(Postgres):
    """A server that a test can stop, freeze and start."""

    process: subprocess.Popen[bytes]

    def on(self) -> None:
        self.process = self.start()
        self.wait_until_ready(self.process)

    def off(self) -> None:
        self.process.send_signal(signal.SIGINT)
        self.process.wait()

    @contextmanager
    def stopped(self) -> Iterator[None]:
        self.off()
        try:
            yield
        finally:
            self.on()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        postmaster = psutil.Process(self.process.pid)
        processes = [postmaster, *postmaster.children()]  # each backend is a child
        for each in processes:
            each.suspend()
        try:
            yield
        finally:
            for each in processes:
                each.resume()


@pytest.fixture(scope="module")
def switch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Switch]:
    """A server of its own, running at the start of each test."""
    server = Switch(tmp_path_factory.mktemp("switched"), free_port())
    server.create()
    server.on()
    yield server
    server.off()


@pytest.fixture(scope="module")
def urls(switch: Switch) -> Database:
    """The published days of stock.py on that server."""
    made = migrated(switch)
    stock(made.owner_url)
    return made


@pytest.fixture
def client(urls: Database) -> Iterator[httpx.Client]:
    with serving(settings(urls.api_url)) as client:
        yield client


def assert_away(response: httpx.Response) -> None:
    assert response.status_code == 503, response.text
    assert response.json() == {"error": 503, "message": "The database does not answer; try again shortly."}
    assert int(response.headers["retry-after"]) > 0


def wait_until_answered(client: httpx.Client, path: str, status: int = 200) -> None:
    wait_until(lambda: client.get(path).status_code == status)


def test_it_starts_without_postgres_and_finds_it_later(switch: Switch, urls: Database) -> None:
    with ExitStack() as stack:
        with switch.stopped():
            client = stack.enter_context(serving(settings(urls.api_url)))
            assert client.get("/health-check").status_code == 200
            for _ in range(3):
                assert_away(client.get(PATH))
        wait_until_answered(client, PATH)


def test_while_postgres_is_stopped_known_answers_are_stale_and_others_503(switch: Switch, urls: Database) -> None:
    clock = Clock()
    with serving(settings(urls.api_url), clock) as client:
        known = client.get(PATH)
        with switch.stopped():
            wait_until_answered(client, "/api/v4/status", 503)  # it has tried to read the ledger
            assert client.get(PATH).content == known.content
            clock.now += timedelta(days=1)  # by now it should be another answer, which cannot be had
            answer = client.get(PATH)
            assert (answer.status_code, answer.content) == (200, known.content)
            assert_away(client.get(OTHER))
            assert client.get("/api/projects/%00").status_code == 404
            assert metric(client, 'pyzn_api_answers_total{outcome="stale"}') == 1
        wait_until_answered(client, OTHER)


def test_a_restart_between_two_requests_is_not_noticed(switch: Switch, urls: Database) -> None:
    with serving(settings(urls.api_url, cache_bytes=0)) as client:
        with ThreadPoolExecutor(8) as threads:  # on a busy machine some wait too long for a new connection: 503
            statuses = {answer.status_code for answer in threads.map(lambda _: client.get(OTHER), range(50))}
            assert 200 in statuses <= {200, 503}
        with switch.stopped():
            pass
        assert client.get(PATH).status_code == 200


@pytest.mark.parametrize("path", [OTHER, "/compare?name=sampleproject&name=busy", "/projects/busy?range=all"])
def test_a_server_that_hangs_is_503_by_the_next_look_at_the_ledger_whatever_the_answer_still_needs(
    switch: Switch, client: httpx.Client, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing else could end it here: an answer has an hour, of one statement or of the several of a page."""
    monkeypatch.setattr(cache, "ANSWER_SECONDS", 3600)
    known = client.get(PATH)
    with switch.frozen():
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


def test_an_exhausted_pool_is_503(urls: Database) -> None:
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


def test_a_statement_that_takes_too_long_is_503_in_words(urls: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_SESSION", reading._SESSION.replace("'5s'", "'500ms'"))
    with serving(settings(urls.api_url)) as client, psycopg.connect(urls.owner_url) as owner:
        owner.execute("LOCK TABLE pyzn.projects IN ACCESS EXCLUSIVE MODE")
        response = client.get(PATH)
        assert (response.status_code, int(response.headers["retry-after"]) > 0) == (503, True)
        assert response.json()["message"].startswith("The server is busy with large answers")
        owner.rollback()
        assert client.get(PATH).status_code == 200


def test_a_database_that_is_not_migrated_is_503(switch: Switch, urls: Database) -> None:
    switch.ensure_database("empty", "pyzn")
    with serving(settings(urls.api_url.rpartition("/")[0] + "/empty")) as client:
        assert_away(client.get(PATH))


CLIENTS = 500
PAUSE = 3.0  # seconds between two requests of one of them


async def through_an_outage(port: int | None, switch: Switch) -> list[list[httpx.Response]]:
    """Return the answers before, during and after a stop of Postgres; every other client asks for something new."""
    limits = httpx.Limits(max_connections=CLIENTS)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", limits=limits, timeout=60) as client:

        async def ask(phase: int, number: int) -> httpx.Response:
            path = PATH if number % 2 else f"/api/v4/projects/busy/versions?version={number}.{phase}"
            await asyncio.sleep(PAUSE * number / CLIENTS)
            for _ in range(60 if phase != 1 else 1):
                answer = await client.get(path)
                if answer.status_code != 503:
                    break
                await asyncio.sleep(int(answer.headers["retry-after"]))  # busy: again, as it asks
            return answer

        phases = []
        for phase, change in enumerate((None, switch.off, switch.on)):
            if change:
                await asyncio.to_thread(change)
            phases.append(await asyncio.gather(*(ask(phase, number) for number in range(CLIENTS))))
        return phases


@pytest.mark.slow
def test_five_hundred_clients_all_get_an_answer_through_an_outage(switch: Switch, client: httpx.Client) -> None:
    known = client.get(PATH)
    before, during, after = asyncio.run(through_an_outage(client.base_url.port, switch))
    assert {answer.status_code for answer in (*before, *after)} == {200}
    assert {answer.status_code for answer in during[::2]} == {503}
    stale = [answer for phase in (before, during, after) for answer in phase[1::2]]
    assert {answer.content for answer in stale} == {known.content}
