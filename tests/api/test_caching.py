"""The cost of an answer: one statement, which reads by the name of its project; none when it is repeated; few bytes."""

import re
import time
from contextlib import ExitStack
from pathlib import Path

import httpx
import psycopg
import pytest

import pyzn_api
from pyzn_api import cache, database
from tests.api.conftest import connect, metric, serving, settings
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
NAMES = [
    path.stem + " by version" * ("$document" in path.read_text())
    for path in Path(pyzn_api.__file__).with_name("sql").glob("*.sql")
    if path.stem not in {"weight", "summaries"}  # a part of others; it joins its names
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


def test_five_hundred_at_once_for_a_cold_answer_cost_one_statement(
    stocked: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "LOOKUP_SECONDS", 30)  # of a busy machine, too
    request = b"GET /api/v2/projects/sampleproject HTTP/1.1\r\nHost: pyzn\r\nConnection: close\r\n\r\n"
    with (
        serving(settings(stocked.api_url)) as client,
        psycopg.connect(stocked.owner_url) as owner,
        ExitStack() as open_,
    ):
        owner.execute("LOCK TABLE pyzn.projects IN ACCESS EXCLUSIVE MODE")  # none is answered before all have asked
        asked = [open_.enter_context(connect(client)) for _ in range(500)]
        for each in asked:
            each.sendall(request)
        time.sleep(0.5)
        owner.rollback()
        answers = {each.makefile("rb").read().partition(b"\r\n\r\n")[2] for each in asked}
        assert answers == {client.get("/api/v2/projects/sampleproject").content}
        assert metric(client, "pyzn_api_database_statements_total") == 1


def test_what_would_take_more_than_a_quarter_of_the_cache_is_not_kept(stocked: Database) -> None:
    with serving(settings(stocked.api_url, cache_bytes=4000)) as client:
        for path in (ROUTES[0], ROUTES[6], ROUTES[0], ROUTES[6]):
            assert client.get(path).status_code == 200
        assert metric(client, 'pyzn_api_answers_total{outcome="hit"}') == 1
        assert metric(client, 'pyzn_api_answers_total{outcome="miss"}') == 3
        assert 0 < metric(client, "pyzn_api_cache_bytes") <= 4000


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


def test_an_answer_is_compressed_when_somebody_first_takes_it_so_and_once(stocked: Database) -> None:
    with serving(settings(stocked.api_url)) as client:
        path, kept = "/api/v4/days?start=2026-01-01&end=2026-07-19", []
        for encoding in ("identity", "identity", "gzip", "gzip", "identity"):
            assert client.get(path, headers={"Accept-Encoding": encoding}).status_code == 200
            kept.append(metric(client, "pyzn_api_cache_bytes"))
        assert metric(client, 'pyzn_api_answers_total{outcome="miss"}') == 1
    assert kept[0] == kept[1] < kept[2] == kept[3] == kept[4]


@pytest.mark.parametrize(
    "name", [name for name in NAMES if re.search(rb"\bproject = (ANY \()?\$", database.statements(name)[0].sql)]
)
def test_the_name_is_in_every_index_condition_on_a_project(name: str, stocked: Database) -> None:
    """A planner then prunes by it, whatever the name is: here in a plan for any values, without pruning."""
    sql, parameters, _ = database.statements(name)[0]
    with psycopg.connect(stocked.api_url) as connection:
        for setting in ("enable_seqscan = off", "enable_partition_pruning = off"):
            connection.execute(f"SET {setting}".encode())
        connection.execute("SET plan_cache_mode = force_generic_plan")
        connection.execute(b"PREPARE asked AS " + sql)
        values = ", ".join(["NULL"] * len(parameters))
        plan = [line for (line,) in connection.execute(f"EXPLAIN EXECUTE asked ({values})".encode())]
    conditions = [line for line in plan if re.search(r"Index Cond: .*\bproject = ", line)]
    assert conditions, plan
    assert [line for line in conditions if not re.search(r"project = (\$|ANY \(\$)", line)] == []
