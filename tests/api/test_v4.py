"""v4: ranges that are never cut, days with their status, totals, the status of the service, tables as CSV."""

import csv
from datetime import UTC, date, datetime, timedelta
from io import StringIO

import httpx
import psycopg
import pytest
from sqlalchemy import Engine

from pyzn_pipeline.rankings.rankings import rank
from tests.api.conftest import NOW, Clock, serving, settings
from tests.api.stock import NEWEST, publish
from tests.conftest import Database
from tests.days import Download

VERSIONS = "/api/v4/projects/sampleproject/versions"
COUNTRIES = "/api/v4/projects/sampleproject/countries"


def rows(client: httpx.Client, path: str) -> list[tuple[object, ...]]:
    response = client.get(path)
    assert response.status_code == 200, response.text
    return [tuple(row.values()) for row in response.json()["downloads"]]


ROWS = {
    "versions?start=2026-04-01&end=2026-04-01": [("2026-04-01", "1.10", 10), ("2026-04-01", "1.9", 2)],
    "versions?start=2026-04-01&end=2026-04-01&ci=exclude": [("2026-04-01", "1.10", 6)],
    "versions?start=2026-04-01&end=2026-04-01&ci=only": [("2026-04-01", "1.10", 4), ("2026-04-01", "1.9", 2)],
    # Weeks begin on Monday and months on the first.
    "versions?version=1.10&granularity=week": [("2026-06-15", "1.10", 12), ("2026-07-13", "1.10", 195)],
    "countries?start=2026-06-01&granularity=month&country=US": [("2026-06-01", "US", 23), ("2026-07-01", "US", 155)],
    "countries?start=2026-07-19&country=de": [("2026-07-19", "DE", 15)],
    "countries?start=2026-07-19&country=(unknown)": [("2026-07-19", "(unknown)", 15)],
    # Only an asterisk is a wildcard.
    "versions?start=2026-07-19&version=*rc*": [("2026-07-19", "2.0rc1", 4)],
    "versions?start=2026-07-19&version=1.9": [("2026-07-19", "1.9", 10)],
    "versions?start=2026-07-19&version=1_9": [],
    "versions?start=2026-07-19&version=%25": [],
}


@pytest.mark.parametrize("query", ROWS)
def test_rows_are_those_that_are_asked_for(client: httpx.Client, query: str) -> None:
    assert rows(client, f"/api/v4/projects/sampleproject/{query}") == ROWS[query]


def test_the_longest_range_is_answered_whole_and_a_longer_one_by_week(client: httpx.Client) -> None:
    assert rows(client, f"{VERSIONS}?start=2025-07-19&end=2026-07-19")[0] == ("2025-07-19", "1.0", 5)
    assert client.get(f"{VERSIONS}?start=2025-07-18&end=2026-07-19").status_code == 400
    weekly = rows(client, f"{VERSIONS}?start=2024-01-01&end=2026-07-19&granularity=week")
    assert weekly[0] == ("2025-07-14", "1.0", 45)
    assert client.get("/api/v4/days?start=0001-01-01&end=0001-01-02").json()["days"][0]["status"] == "missing"
    assert client.get(f"{VERSIONS}?end=0001-01-01").status_code == 200


def test_several_projects_come_in_the_order_asked_for_and_each_once(client: httpx.Client) -> None:
    answer = client.get("/api/v4/projects?name=Quiet&name=no_such,%20sampleproject,quiet&name=%00").json()
    assert answer["unknown"] == ["no-such", "\ufffd"]
    quiet, sample = answer["projects"]
    assert [quiet["project"], sample["project"]] == ["quiet", "sampleproject"]
    assert (quiet["total_downloads"], quiet["downloads_last_month"], quiet["versions_last_month"]) == (1, 0, 0)
    assert sample.items() <= client.get("/api/v4/projects/sampleproject").json().items()


def test_the_last_week_ends_with_the_latest_published_day(stocked: Database) -> None:
    with serving(settings(stocked.api_url), Clock(datetime(2026, 8, 30, tzinfo=UTC))) as client:
        late = client.get("/api/v4/projects/sampleproject").json()
        assert (late["as_of"], late["downloads_last_day"], late["downloads_last_week"]) == ("2026-07-19", 120, 215)
        status = client.get("/api/v4/status").json()
        assert status["days_late"] == 40  # at midnight the latest day due is the 28th
        assert status["missing"][-1] == "2026-08-28"


def test_a_server_whose_clock_is_behind_answers_up_to_the_latest_published_day(stocked: Database) -> None:
    with serving(settings(stocked.api_url), Clock(datetime(2026, 7, 18, tzinfo=UTC))) as client:
        for path in (VERSIONS, COUNTRIES, "/api/v4/days"):
            assert client.get(path).json()["end"] == "2026-07-19"
            assert client.get(f"{path}?end=2026-07-19").status_code == 200
            assert client.get(f"{path}?end=2026-07-20").status_code == 400


def test_any_country_that_is_listed_can_be_asked_for_and_each_is_listed_once(
    owner: psycopg.Connection, own_client: httpx.Client
) -> None:
    countries = {"T1": 1, "A1": 2, "**": 3, "": 4, "(unknown)": 5, "null": 6, "US": 7, "de": 8, "é%": 9}
    publish(owner, NEWEST, [Download("a", country=code, times=n) for code, n in countries.items()])
    path = "/api/v4/projects/a/countries"
    assert {row["country"]: row["downloads"] for row in own_client.get(path).json()["downloads"]} == countries
    for country in countries.keys() - {"null"}:
        found = own_client.get(path, params={"country": country}).json()
        assert [row["downloads"] for row in found["downloads"]] == [countries[country]], country
    year = own_client.get("/api/v3/pro/projects/a/country-downloads").json()["downloads"]["2026-07-19"]
    by_name = {row["country"]: row["downloads"] for row in year}
    assert len(by_name) == len(year)
    assert (by_name["null"], by_name["USA"], sum(by_name.values())) == (11, 7, sum(countries.values()))


def test_the_status_stays_small_when_an_old_day_is_read(owner: psycopg.Connection, own_client: httpx.Client) -> None:
    for day in (date(2016, 1, 22), NEWEST):
        publish(owner, day, [Download("a")], "suspect")
    response = own_client.get("/api/v4/status")
    answer = response.json()
    assert (answer["days_missing"], answer["days_suspect"]) == (3830, 2)
    assert (len(answer["missing"]), answer["missing"][0], answer["suspect"]) == (365, "2025-07-19", ["2026-07-19"])
    assert len(response.content) < 6000


def test_a_week_is_seven_days_and_a_month_thirty(
    owner: psycopg.Connection, own_client: httpx.Client, store: Engine
) -> None:
    for days_ago in (1, 7, 8, 30, 31):
        publish(owner, NOW.date() - timedelta(days=days_ago), [Download("a", f"1.{days_ago}")])
    rank(store, NEWEST)
    summary = own_client.get("/api/v4/projects/a").json()
    assert (summary["versions_last_month"], summary["total_downloads"]) == (4, 5)
    for period, downloads in {"day": 1, "week": 2, "month": 4}.items():
        assert summary[f"downloads_last_{period}"] == downloads
        assert own_client.get(f"/api/v4/top?period={period}").json()["projects"][0]["downloads"] == downloads
    for badge, downloads in {"/week": 2, "/month": 4, "": 5}.items():
        assert f">{downloads}</text>" in own_client.get(f"/badge/a{badge}").text
    assert len(rows(own_client, "/api/v4/projects/a/versions")) == 4


def test_the_status_counts_days_that_were_asked_for_and_not_read(
    owner: psycopg.Connection, own_client: httpx.Client
) -> None:
    owner.execute(
        "INSERT INTO pyzn.wanted (day, asked_by, asked_at, failed_at, next_attempt_at) VALUES"
        " ('2026-07-01', '{backfill a}', now(), NULL, now()), ('2026-07-02', '{run b}', now(), now(), now()),"
        " ('2026-07-03', '{run b}', now(), now(), NULL), ('2026-07-04', '{}', now(), now(), NULL)"
    )
    answer = own_client.get("/api/v4/status").json()
    assert (answer["days_wanted"], answer["days_given_up"], answer["given_up"]) == (3, 1, ["2026-07-03"])


def test_an_empty_ledger_is_not_ready_and_breaks_nothing(own_client: httpx.Client) -> None:
    assert own_client.get("/api/v4/status").json() == {
        "ready": False, "synthetic": False, "latest_day": None, "days_late": None,
        "days_missing": 0, "days_suspect": 0, "missing": [], "suspect": [],
        "days_wanted": 0, "days_given_up": 0, "given_up": [], "breakdowns": [],
    }  # fmt: skip
    assert own_client.get("/api/v4/top").json()["projects"] == []
    days = own_client.get("/api/v4/days").json()["days"]
    assert (len(days), {day["status"] for day in days}) == (30, {"missing"})
    assert own_client.get("/api/v4/projects/sampleproject").status_code == 404
    assert own_client.get("/api/v4/projects?name=a").json()["unknown"] == ["a"]
    assert own_client.get("/top-pypi-packages.csv").text == "download_count,project\n"
    listed = own_client.get("/top-pypi-packages.min.json").json()
    assert (listed["last_update"], listed["rows"]) == (None, [])


# The member of the JSON that has the rows of the table; None where the answer is the row.
TABLES = {
    "/api/v4/projects/sampleproject": None,
    "/api/v4/projects?name=sampleproject&name=quiet": "projects",
    "/api/v4/projects/sampleproject/downloads?start=2026-04-01": "downloads",
    "/api/v4/series?name=sampleproject&name=__all__": "downloads",
    f"{VERSIONS}?start=2025-07-19&end=2026-07-19": "downloads",
    f"{COUNTRIES}?start=2025-07-19&end=2026-07-19": "downloads",
    "/api/v4/days": "days",
    "/api/v4/events": "events",
    "/api/v4/top": "projects",
}


def cell(value: object) -> str:
    """Return a value of JSON as a cell."""
    if isinstance(value, list):
        return " ".join(value)
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


@pytest.mark.parametrize("path", TABLES)
def test_any_table_comes_as_csv_with_the_same_rows(client: httpx.Client, path: str) -> None:
    answer, member = client.get(path).json(), TABLES[path]
    response = client.get(path, headers={"Accept": "text/csv"})
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    assert "Accept" in [name.strip() for name in response.headers["vary"].split(",")]
    assert 'rel="describedby"' in response.headers["link"]
    assert response.text == client.get(path + ("&" if "?" in path else "?") + "format=csv").text
    table = list(csv.DictReader(StringIO(response.text, newline="")))
    expected = answer[member] if member else [answer]
    if member:
        assert {name for row in expected for name in row} <= set(table[0])
    assert table == [{name: cell(row.get(name)) for name in table[0]} for row in expected]


CSV = ["text/csv", "TEXT/CSV; header=present", "text/*", "text/csv, application/json;q=0.5"]
JSON = ["text/csv;q=0", "text/csv;q=0.000, text/*", "application/json, text/csv", "text/csv;q=0.5, */*"]
JSON += ["application/x-text/csv", "text/html", "*/*", ""]


@pytest.mark.parametrize("accept", [*CSV, *JSON])
def test_accept_is_read_by_whole_types_and_weights(client: httpx.Client, accept: str) -> None:
    kind = client.get(VERSIONS, headers={"Accept": accept}).headers["content-type"]
    assert kind == ("text/csv; charset=utf-8" if accept in CSV else "application/json")
    assert client.get(f"{VERSIONS}?format=json", headers={"Accept": accept}).json()["start"]
