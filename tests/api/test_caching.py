"""One statement per answer, none for a repeated one, and a publication seen within seconds."""

import socket
import time
from contextlib import ExitStack
from datetime import date

import httpx
import psycopg

from pyzn_api import cache
from tests.api.conftest import Clock, metric, serving, settings, wait_for_other_etag
from tests.api.stock import BUSY, Count, publish, stock
from tests.conftest import Database

ROUTES = [
    "/api/projects/sampleproject",
    "/api/v2/projects/sampleproject",
    "/api/v3/pro/projects/sampleproject/downloads",
    "/api/v3/pro/projects/sampleproject/downloads?includeCIDownloads=false",
    "/api/v3/pro/projects/sampleproject/country-downloads",
    "/api/v4/projects/sampleproject",
    "/api/v4/projects/sampleproject/versions?start=2026-07-01",
    "/api/v4/projects/sampleproject/countries?start=2026-07-01",
    "/badge/sampleproject",
]


def test_an_answer_takes_one_statement_and_a_repeated_one_none(stocked: Database) -> None:
    with serving(settings(stocked.api_url)) as client:
        for number, path in enumerate(ROUTES, start=1):
            before = metric(client, "pyzn_api_database_statements_total")
            first = client.get(path)
            assert metric(client, "pyzn_api_database_statements_total") == before + 1, path
            assert client.get(path).content == first.content
            assert client.get(path, headers={"If-None-Match": first.headers["etag"]}).status_code == 304
            assert metric(client, "pyzn_api_database_statements_total") == before + 1, path
            assert metric(client, 'pyzn_api_answers_total{outcome="hit"}') == number
            assert metric(client, 'pyzn_api_answers_total{outcome="not_modified"}') == number


def test_five_hundred_at_once_for_a_cold_answer_cost_one_statement(stocked: Database) -> None:
    request = b"GET /api/v2/projects/sampleproject HTTP/1.1\r\nHost: pyzn\r\nConnection: close\r\n\r\n"
    with (
        serving(settings(stocked.api_url)) as client,
        psycopg.connect(stocked.owner_url) as owner,
        ExitStack() as open_,
    ):
        address = (client.base_url.host, client.base_url.port or 80)
        owner.execute("LOCK TABLE pyzn.projects IN ACCESS EXCLUSIVE MODE")  # none is answered before all have asked
        asked = [open_.enter_context(socket.create_connection(address, timeout=10)) for _ in range(500)]
        for each in asked:
            each.sendall(request)
        time.sleep(0.5)
        owner.rollback()
        answers = {each.makefile("rb").read().partition(b"\r\n\r\n")[2] for each in asked}
        assert answers == {client.get("/api/v2/projects/sampleproject").content}
        assert metric(client, "pyzn_api_database_statements_total") == 1


def test_a_publication_is_seen_and_changes_only_the_answers_it_could_change(database: Database) -> None:
    stock(database.owner_url)
    with serving(settings(database.api_url)) as client, psycopg.connect(database.owner_url) as owner:
        before = {path: client.get(path) for path in ROUTES}
        # A day before every window: only the all-time totals can differ.
        publish(owner, date(2024, 1, 1), {"busy": BUSY, "sampleproject": ({"0.9": Count(1)}, {"US": 1})})
        after = wait_for_other_etag(client, ROUTES[0], before[ROUTES[0]].headers["etag"])
        assert after.json()["total_downloads"] == before[ROUTES[0]].json()["total_downloads"] + 1
        wait_for_other_etag(client, ROUTES[1], before[ROUTES[1]].headers["etag"])
        for path in (*ROUTES[2:5], *ROUTES[6:8]):
            assert client.get(path).headers["etag"] == before[path].headers["etag"]
        # A day within every window, published again with another content.
        publish(owner, date(2026, 7, 19), {"sampleproject": ({"9.0": Count(77)}, {"US": 77})}, "provisional")
        for path in ROUTES:
            answer = wait_for_other_etag(
                client, path, after.headers["etag"] if path == ROUTES[0] else before[path].headers["etag"]
            )
            assert "77" in answer.text


def test_a_change_of_status_changes_the_answers_that_tell_it_and_no_other(database: Database) -> None:
    stock(database.owner_url)
    telling = ["/api/v4/days", "/api/v4/projects/sampleproject", "/api/v4/projects/sampleproject/countries"]
    others = [*ROUTES[:5], "/badge/sampleproject/week"]
    with serving(settings(database.api_url)) as client:
        before = {path: client.get(path).headers["etag"] for path in telling + others}
        with psycopg.connect(database.owner_url) as owner:
            owner.execute("UPDATE pyzn.days SET status = 'final', recounted_at = now() WHERE day = '2026-07-19'")
        for path in telling:
            days = wait_for_other_etag(client, path, before[path]).json()["days"]
            assert days[-1]["status"] == "final" if path == "/api/v4/days" else days["provisional"] == []
        assert {path: client.get(path).headers["etag"] for path in others} == {path: before[path] for path in others}


def test_a_new_date_changes_an_etag_only_when_a_day_leaves_the_window(database: Database) -> None:
    stock(database.owner_url)
    clock = Clock()
    with serving(settings(database.api_url), clock) as client:
        month, v2 = (client.get(path).headers["etag"] for path in ROUTES[:2])
        clock.now = clock.now.replace(day=21)  # 2026-06-20 leaves the last thirty days
        assert client.get(ROUTES[0]).headers["etag"] != month
        assert "2026-06-20" not in client.get(ROUTES[0]).text
        assert client.get(ROUTES[1]).headers["etag"] == v2


def test_the_cache_keeps_to_its_bytes(stocked: Database) -> None:
    with serving(settings(stocked.api_url, cache_bytes=9000)) as client:
        for _ in range(2):
            for path in ROUTES:
                assert client.get(path).status_code == 200
        assert 0 < metric(client, "pyzn_api_cache_bytes") <= 9000


def test_what_would_take_more_than_a_quarter_of_the_cache_is_not_kept(stocked: Database) -> None:
    with serving(settings(stocked.api_url, cache_bytes=4000)) as client:
        for path in (ROUTES[0], ROUTES[6], ROUTES[0], ROUTES[6]):
            assert client.get(path).status_code == 200
        assert metric(client, 'pyzn_api_answers_total{outcome="hit"}') == 1
        assert metric(client, 'pyzn_api_answers_total{outcome="miss"}') == 3


def test_what_has_not_been_asked_for_longest_leaves_the_cache_first(client: httpx.Client, stocked: Database) -> None:
    def path(day: int) -> str:  # of a missing one: all such answers have one size
        return f"/api/v4/days?start=2026-07-{day}&end=2026-07-{day}"

    four = 4 * (len(client.get(path(10)).content) + cache.OVERHEAD)
    with serving(settings(stocked.api_url, cache_bytes=four)) as small:
        kept = []
        for day in (10, 11, 12, 13, 10, 14, 10, 11, 13):
            before = metric(small, 'pyzn_api_answers_total{outcome="hit"}')
            assert small.get(path(day)).status_code == 200
            kept.append(metric(small, 'pyzn_api_answers_total{outcome="hit"}') > before)
        assert kept == [False, False, False, False, True, False, True, False, True]
        assert metric(small, "pyzn_api_cache_bytes") == four


def test_a_cache_of_no_bytes_answers_all_the_same(stocked: Database) -> None:
    with serving(settings(stocked.api_url, cache_bytes=0)) as client:
        assert client.get(ROUTES[0]).json() == client.get(ROUTES[0]).json()
        assert metric(client, "pyzn_api_cache_bytes") == 0


def test_an_answer_is_compressed_when_somebody_first_takes_it_so_and_once(stocked: Database) -> None:
    with serving(settings(stocked.api_url)) as client:
        path, kept = "/api/v4/days?start=2026-01-01&end=2026-07-19", []
        for encoding in ("identity", "identity", "gzip", "gzip", "identity"):
            assert client.get(path, headers={"Accept-Encoding": encoding}).status_code == 200
            kept.append(metric(client, "pyzn_api_cache_bytes"))
        assert metric(client, 'pyzn_api_answers_total{outcome="miss"}') == 1
    assert kept[0] == kept[1] < kept[2] == kept[3] == kept[4]
