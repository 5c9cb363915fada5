"""Large answers: whole, few at a time, refused in words when too large, sent no faster than the client takes them."""

import asyncio
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import httpx
import psycopg
import pytest
from starlette.types import Message

from pyzn_api import cache, responses
from pyzn_api import database as reading
from pyzn_api.routes import counts
from pyzn_pipeline.breakdowns import VERSION
from tests.api.conftest import NOW, connect, serving, settings
from tests.api.stock import publish
from tests.conftest import Database
from tests.days import Download
from tests.waiting import wait_until

VERSIONS, DAYS = 1500, 20
PATH = "/api/v4/projects/wide/versions"


@pytest.fixture(scope="module")
def database(shared_database: Database) -> Database:
    """A project of 1,500 versions on each of 20 days: large by day, too large by month."""
    with psycopg.connect(shared_database.owner_url) as owner:
        *others, last = (NOW.date() - timedelta(days=DAYS - n) for n in range(DAYS))
        publish(owner, last, [Download("wide", f"1.{n}", times=n + 1) for n in range(VERSIONS)])
        for day in others:
            publish(owner, day, [Download("wide")])
        columns = ", ".join(f"{column} = wide.{column}" for column in VERSION.columns)
        owner.execute(
            f"UPDATE pyzn.project_days AS other SET {columns} FROM pyzn.project_days AS wide WHERE wide.day = %s",
            [last],
        )
    return shared_database


@pytest.fixture
def client(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[httpx.Client]:
    monkeypatch.setattr(reading, "HEAVY", 100_000)  # bytes
    monkeypatch.setattr(counts, "MOST", {"day": 1_000_000, "week": 1_000_000, "month": 100_000})
    with serving(settings(database.api_url, cache_bytes=0)) as client:
        yield client


def test_it_is_whole_in_json_and_csv_plain_and_compressed(client: httpx.Client) -> None:
    plain = client.get(PATH, headers={"Accept-Encoding": "identity"})
    assert len(plain.content) == int(plain.headers["content-length"]) > responses.QUICKLY_COMPRESSED
    rows = plain.json()["downloads"]
    assert len(rows) == VERSIONS * DAYS
    assert [row["downloads"] for row in rows[:VERSIONS]] == list(range(VERSIONS, 0, -1))
    assert [row["period"] for row in rows] == sorted(row["period"] for row in rows)
    packed = client.get(PATH)
    assert (packed.headers["content-encoding"], packed.content) == ("gzip", plain.content)
    assert client.head(PATH).headers["content-length"] == packed.headers["content-length"]
    assert len(client.get(f"{PATH}?format=csv").text.splitlines()) == 1 + VERSIONS * DAYS
    refused = client.get(f"{PATH}?granularity=month")
    assert refused.status_code == 400
    assert refused.json()["message"].startswith("start='2026-06-20': expected a later day: by month, 0 MiB of counts")


def test_without_a_place_it_is_503_in_words_and_small_answers_do_not_wait(
    client: httpx.Client, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert client.get(f"{PATH}?start=2026-07-19").status_code == 200
    monkeypatch.setattr(reading, "HEAVY_AT_ONCE", 0)
    with serving(settings(database.api_url)) as full:
        refused = full.get(PATH)
        assert (refused.status_code, int(refused.headers["retry-after"]) > 0) == (503, True)
        assert refused.json()["message"].startswith("The server is busy with large answers")
        for start in ("2026-07-19", "2026-07-10"):  # a light answer, and a costly one that is not heavy
            assert full.get(f"{PATH}?start={start}").status_code == 200


@pytest.mark.usefixtures("client")
def test_clients_that_ask_for_much_deny_nobody_else(database: Database, owner: psycopg.Connection) -> None:
    owner.execute("CREATE TEMP TABLE more AS SELECT * FROM pyzn.project_days WHERE project = 'wide'")
    for number in range(10):  # projects more that are as wide
        owner.execute("UPDATE more SET project = %s", [f"wide-{number}"])
        owner.execute("INSERT INTO pyzn.project_days SELECT * FROM more")
        owner.execute("INSERT INTO pyzn.projects VALUES (%s, 1)", [f"wide-{number}"])
    names = "&".join(f"name=wide-{number}" for number in range(10))
    with serving(settings(database.api_url, pool_size=2, cache_bytes=0)) as server, ThreadPoolExecutor(5) as threads:
        until = time.monotonic() + 2

        def ask(*paths: str) -> list[int]:
            found = []
            while time.monotonic() < until:
                found += [server.get(path.format(time.monotonic_ns())).status_code for path in paths]
            return found

        greedy = [threads.submit(ask, f"/api/v4/projects?{names}&name=x{{}}") for _ in range(4)]
        assert {*ask("/badge/wide", "/api/projects/wide", "/api/packages/wide/recent")} == {200}
        assert 200 in {status for each in greedy for status in each.result()}


@pytest.mark.usefixtures("client")
def test_while_large_answers_are_not_taken_no_more_are_made(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "_UNSENT_BYTES", 2_000_000)  # room for one
    with serving(settings(database.api_url, cache_bytes=0)) as server:

        def refused() -> bool:
            """Return whether large answers are refused, of a route that counts and of one that copies."""
            paths = f"{PATH}?ci=exclude", "/api/v3/pro/projects/wide/downloads"
            answers = [server.get(path, headers={"Accept-Encoding": "identity"}) for path in paths]
            return all("busy with large answers" in answer.text for answer in answers)

        with connect(server) as lazy:

            def refused_when_it_asks_for_one_more() -> bool:  # in the end more than the kernel keeps for it
                lazy.sendall(f"GET {PATH} HTTP/1.1\r\nHost: pyzn\r\n\r\n".encode() * 4)
                return refused()

            wait_until(refused_when_it_asks_for_one_more)
            assert server.get(f"{PATH}?start=2026-07-19").status_code == 200
            wait_until(lambda: bool(lazy.recv(2**20)) and not refused())


def test_a_client_that_takes_nothing_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(responses, "TIMEOUT_SECONDS", 0.05)
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)
        if len(sent) == 3:
            await asyncio.sleep(60)

    async def receive() -> Message:
        raise AssertionError

    body = b"x" * (3 * responses.SLICE)
    sending = responses.UnsentBodies()
    response = responses.AnswerResponse(body, [], sending)
    asyncio.run(asyncio.wait_for(response({"type": "http"}, receive, send), 50))
    assert [len(message.get("body", b"")) for message in sent] == [0, responses.SLICE, responses.SLICE]
    assert sent[-1]["more_body"]
    assert sending.bytes == 0
