"""Every count beside the others: which one an answer gave, of one project and several, and days that lack one."""

import csv
from collections.abc import Iterator
from datetime import date
from io import StringIO
from typing import Any

import httpx
import psycopg
import pytest
from pydantic import SecretStr

from pyzn_local.postgres import Postgres
from pyzn_pipeline.rankings.rankings import rank
from pyzn_pipeline.store.database import engine
from tests.api.conftest import serving, settings
from tests.api.stock import publish
from tests.conftest import Database, own_database
from tests.days import Download

BEFORE, BETWEEN, AFTER = (date(2026, 7, day) for day in (16, 17, 19))  # the second is read without file names
ROWS = [
    Download("lib", "1", python="3.12", times=5),
    Download("lib", "1", installer="uv", ci=True, python="3.12", times=3),
    Download("lib", "2", installer="bandersnatch", times=2),
    Download("lib", "2", filename="lib-2-py3-none-any.whl.metadata", times=4),
    Download("other", times=7),
]
COLUMNS = ["period", "downloads", "files", "pip", "ci", "without_mirrors"]


@pytest.fixture(scope="module")
def database(postgres: Postgres) -> Iterator[Database]:
    with own_database(postgres) as made, psycopg.connect(made.owner_url, autocommit=True) as owner:
        for day in (BEFORE, BETWEEN, AFTER):
            publish(owner, day, ROWS)
        for table in ("days", "project_days"):
            owner.execute(f"UPDATE pyzn.{table} SET files = NULL WHERE day = %s", [BETWEEN])
        owner.execute("UPDATE pyzn.project_days SET files_by_version = NULL WHERE day = %s", [BETWEEN])
        rank(engine(SecretStr(made.owner_url)), AFTER)
        yield made


@pytest.fixture(scope="module")
def client(database: Database) -> Iterator[httpx.Client]:
    with serving(settings(database.api_url)) as client:
        yield client


def answer(client: httpx.Client, path: str) -> Any:
    response = client.get(f"/api/v4/{path}")
    assert response.status_code == 200, response.text
    return response.json()


def test_a_project_has_a_row_a_day_with_every_count(client: httpx.Client) -> None:
    found = answer(client, "projects/Lib/downloads?start=2026-07-15")
    assert (found["project"], found["granularity"]) == ("lib", "day")
    assert found["days"]["missing"] == ["2026-07-15", "2026-07-18"]
    assert [list(row) for row in found["downloads"]] == [COLUMNS] * 3
    assert [tuple(row.values()) for row in found["downloads"]] == [
        ("2026-07-16", 14, 10, 9, 3, 12),
        ("2026-07-17", 14, None, 9, 3, 12),
        ("2026-07-19", 14, 10, 9, 3, 12),
    ]


def test_files_of_a_period_are_unknown_if_those_of_one_of_its_days_are(client: httpx.Client) -> None:
    month = answer(client, "projects/lib/downloads?start=2026-07-01&granularity=month")["downloads"]
    assert [tuple(row.values()) for row in month] == [("2026-07-01", 42, None, 27, 9, 36)]
    since = answer(client, "projects/lib/downloads?start=2026-07-18&granularity=month")["downloads"]
    assert since[0]["files"] == 10


def test_all_of_pypi_and_several_projects_come_in_the_order_of_the_request(client: httpx.Client) -> None:
    assert answer(client, "projects/__all__/downloads?start=2026-07-19")["downloads"] == [
        dict(zip(COLUMNS, ("2026-07-19", 21, 17, 16, 3, 19), strict=True))
    ]
    found = answer(client, "series?name=Other,nobody&name=__all__&name=lib&name=%00&name=other&start=2026-07-17")
    assert found["unknown"] == ["nobody", "\ufffd"]
    assert [(row["project"], row["period"], row["downloads"]) for row in found["downloads"]] == [
        (project, day, number)
        for project, number in (("other", 7), ("__all__", 21), ("lib", 14))
        for day in ("2026-07-17", "2026-07-19")
    ]
    assert answer(client, "series?name=nobody") | {"days": {}, "events": []} == {
        "start": "2026-06-20", "end": "2026-07-19", "days": {}, "events": [], "granularity": "day",
        "unknown": ["nobody"], "downloads": [],
    }  # fmt: skip


@pytest.mark.parametrize("path", ["projects/lib/downloads?start=2026-07-15", "series?name=lib&name=__all__"])
def test_series_come_as_csv_with_the_same_rows(client: httpx.Client, path: str) -> None:
    rows = list(csv.DictReader(StringIO(client.get(f"/api/v4/{path}&format=csv").text, newline="")))
    assert rows == [
        {name: "" if value is None else str(value) for name, value in row.items()}
        for row in answer(client, path)["downloads"]
    ]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("projects/nobody/downloads", "Project with name nobody does not exist"),
        ("projects/%00/downloads", "Project with name \ufffd does not exist"),
        ("series", "name='': expected a value"),
        ("series?" + "&".join(["name=a"] * 9), "name='9 names': expected 8 at most"),
        ("projects/lib/countries?count=files", "count='files': expected 'downloads'"),
        (
            "projects/lib/pythons?count=downloads",
            "count='downloads': expected 'without_mirrors' or 'files_without_mirrors'",
        ),
        (
            "projects/lib/versions?count=without_mirrors",
            "count='without_mirrors': expected 'downloads', 'pip', 'ci' or 'files'",
        ),
        ("projects/lib/versions?count=pip&ci=only", "ci='only': expected include with count=pip"),
    ],
)
def test_what_is_not_counted_is_refused_with_what_is(client: httpx.Client, path: str, message: str) -> None:
    response = client.get(f"/api/v4/{path}")
    assert response.status_code == (404 if "does not exist" in message else 400)
    assert response.json()["message"] == message


@pytest.mark.parametrize(
    ("query", "count", "numbers"),
    [
        ("", "downloads", {"1": 8, "2": 6}),
        ("count=files", "files", {"1": 8, "2": 2}),
        ("count=pip", "pip", {"1": 5, "2": 4}),
        ("ci=only", "ci", {"1": 3}),
        ("ci=exclude", "without_ci", {"1": 5, "2": 6}),
    ],
)
def test_versions_are_counted_by_each_count_and_the_answer_names_it(
    client: httpx.Client, query: str, count: str, numbers: dict[str, int]
) -> None:
    found = answer(client, f"projects/lib/versions?start=2026-07-19&{query}")
    assert found["count"] == count
    assert {row["version"]: row["downloads"] for row in found["downloads"]} == numbers


def test_a_day_without_files_is_missing_when_files_are_counted(client: httpx.Client) -> None:
    days = {}
    for count in ("downloads", "files"):
        found = answer(client, f"projects/lib/versions?start=2026-07-16&count={count}")
        days[count] = found["days"]["missing"], sorted({row["period"] for row in found["downloads"]})
    assert days == {
        "downloads": (["2026-07-18"], ["2026-07-16", "2026-07-17", "2026-07-19"]),
        "files": (["2026-07-17", "2026-07-18"], ["2026-07-16", "2026-07-19"]),
    }
    ledger = answer(client, "days?start=2026-07-16")["days"]
    assert [day.get("files") for day in ledger] == [17, None, None, 17]


def test_a_ranking_names_the_count_of_its_period(client: httpx.Client) -> None:
    day, month = (answer(client, f"top?period={period}&limit=1") for period in ("day", "month"))
    assert (day["count"], day["projects"][0]["downloads"]) == ("files", 10)
    assert (month["count"], month["projects"][0]["downloads"]) == ("downloads", 42)  # a day of it lacks files
    assert client.get("/top-pypi-packages.json").json()["meta"]["count"] == "downloads"
