"""v4: ranges that are never cut, days that say how far to trust them, rankings, tables as CSV."""

import csv
from datetime import UTC, date, datetime, timedelta
from io import StringIO

import httpx
import psycopg
import pytest
from pydantic import SecretStr

from pyzn_pipeline.rankings.rankings import RANKS, rank
from pyzn_pipeline.store.database import engine
from tests.api.conftest import NOW, Clock, read_ledger, serving, settings
from tests.api.stock import AWKWARD, NEWEST, publish
from tests.conftest import Database
from tests.days import Download

VERSIONS = "/api/v4/projects/sampleproject/versions"
LIST = "/top-pypi-packages"
COUNTRIES = "/api/v4/projects/sampleproject/countries"


def rows(client: httpx.Client, path: str) -> list[tuple[object, ...]]:
    response = client.get(path)
    assert response.status_code == 200, response.text
    return [tuple(row.values()) for row in response.json()["downloads"]]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("versions?start=2026-04-01&end=2026-04-01", [("2026-04-01", "1.10", 10), ("2026-04-01", "1.9", 2)]),
        ("versions?start=2026-04-01&end=2026-04-01&ci=exclude", [("2026-04-01", "1.10", 6)]),
        ("versions?start=2026-04-01&end=2026-04-01&ci=only", [("2026-04-01", "1.10", 4), ("2026-04-01", "1.9", 2)]),
        # Weeks begin on Monday and months on the first.
        (
            "versions?start=2026-06-19&end=2026-07-19&version=1.10&granularity=week",
            [("2026-06-15", "1.10", 23), ("2026-07-13", "1.10", 195)],
        ),
        (
            "countries?start=2026-06-01&granularity=month&country=US",
            [("2026-06-01", "US", 23), ("2026-07-01", "US", 155)],
        ),
        ("countries?start=2026-07-19&country=de", [("2026-07-19", "DE", 15)]),
        ("countries?start=2026-07-19&country=(unknown)", [("2026-07-19", "(unknown)", 15)]),
        # Only an asterisk is a wildcard.
        ("versions?start=2026-07-19&version=*rc*", [("2026-07-19", "2.0rc1", 4)]),
        ("versions?start=2026-07-19&version=1.9", [("2026-07-19", "1.9", 10)]),
        ("versions?start=2026-07-19&version=1_9", []),
        ("versions?start=2026-07-19&version=%25", []),
    ],
)
def test_rows_are_those_that_are_asked_for(client: httpx.Client, query: str, expected: list[object]) -> None:
    assert rows(client, f"/api/v4/projects/sampleproject/{query}") == expected


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("start=yesterday", "start='yesterday': expected a day as YYYY-MM-DD"),
        ("start=2026-02-30", "start='2026-02-30': expected a day as YYYY-MM-DD"),
        ("end=20260719", "end='20260719': expected a day as YYYY-MM-DD"),
        ("end=%00", "end='\ufffd': expected a day as YYYY-MM-DD"),
        ("end=2026-07-21", "end='2026-07-21': expected 2026-07-20 (today, UTC) at the latest"),
        ("start=2026-07-19&end=2026-07-18", "start='2026-07-19': expected 2026-07-18 (the end) at the latest"),
        ("start=0001-01-01", "start='0001-01-01': expected 2025-07-19 at the earliest: by day, "
         "a range ending 2026-07-19 has at most 366 days"),
    ],
)  # fmt: skip
def test_a_range_that_cannot_be_answered_is_400_with_what_can(client: httpx.Client, query: str, message: str) -> None:
    for path in (VERSIONS, "/api/v4/days"):
        response = client.get(f"{path}?{query}")
        assert (response.status_code, response.json()) == (400, {"error": 400, "message": message})


def test_the_longest_range_is_answered_whole_and_a_longer_one_by_week(client: httpx.Client) -> None:
    assert rows(client, f"{VERSIONS}?start=2025-07-19&end=2026-07-19")[0] == ("2025-07-19", "1.0", 5)
    assert client.get(f"{VERSIONS}?start=2025-07-18&end=2026-07-19").status_code == 400
    weekly = rows(client, f"{VERSIONS}?start=2024-01-01&end=2026-07-19&granularity=week")
    assert weekly[0] == ("2025-07-14", "1.0", 45)
    assert client.get("/api/v4/days?start=0001-01-01&end=0001-01-02").json()["days"][0]["status"] == "missing"
    assert client.get(f"{VERSIONS}?end=0001-01-02").status_code == 200


def test_several_projects_come_in_the_order_asked_for_and_each_once(client: httpx.Client) -> None:
    answer = client.get("/api/v4/projects?name=Quiet&name=no_such,%20sampleproject,quiet&name=%00").json()
    assert [row["project"] for row in answer["projects"]] == ["quiet", "sampleproject"]
    assert answer["unknown"] == ["no-such", "\ufffd"]
    (quiet, sample) = answer["projects"]
    assert (quiet["total_downloads"], quiet["downloads_last_month"], quiet["versions_last_month"]) == (1, 0, 0)
    one = client.get("/api/v4/projects/sampleproject").json()
    assert sample.items() <= one.items()


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


def test_any_country_that_is_listed_can_be_asked_for_and_each_is_listed_once(database: Database) -> None:
    countries = {"T1": 1, "A1": 2, "**": 3, "": 4, "(unknown)": 5, "null": 6, "US": 7, "de": 8, "é%": 9}
    with psycopg.connect(database.owner_url) as owner:
        publish(owner, date(2026, 7, 19), [Download("a", country=code, times=n) for code, n in countries.items()])
    with serving(settings(database.api_url)) as client:
        path = "/api/v4/projects/a/countries"
        listed = {row["country"]: row["downloads"] for row in client.get(path).json()["downloads"]}
        assert listed == countries
        for country in countries.keys() - {"null"}:
            found = client.get(path, params={"country": country}).json()
            assert [row["downloads"] for row in found["downloads"]] == [countries[country]], country
        year = client.get("/api/v3/pro/projects/a/country-downloads").json()["downloads"]["2026-07-19"]
        by_name = {row["country"]: row["downloads"] for row in year}
        assert len(by_name) == len(year)
        assert (by_name["null"], by_name["USA"], sum(by_name.values())) == (11, 7, sum(countries.values()))


def test_the_status_stays_small_when_an_old_day_is_read(database: Database) -> None:
    with psycopg.connect(database.owner_url) as owner:
        for day in (date(2016, 1, 22), date(2026, 7, 19)):
            publish(owner, day, [Download("a")], "suspect")
    with serving(settings(database.api_url)) as client:
        response = client.get("/api/v4/status")
        answer = response.json()
        assert (answer["days_missing"], answer["days_suspect"]) == (3830, 2)
        assert (len(answer["missing"]), answer["missing"][0], answer["suspect"]) == (365, "2025-07-19", ["2026-07-19"])
        assert len(response.content) < 6000


def test_a_week_is_seven_days_and_a_month_thirty(database: Database) -> None:
    with psycopg.connect(database.owner_url) as owner:
        for days_ago in (1, 7, 8, 30, 31):
            publish(owner, NOW.date() - timedelta(days=days_ago), [Download("a", f"1.{days_ago}")])
    rank(engine(SecretStr(database.owner_url)), NOW.date() - timedelta(days=1))
    with serving(settings(database.api_url)) as client:
        summary = client.get("/api/v4/projects/a").json()
        found = [summary[f"downloads_last_{period}"] for period in ("day", "week", "month")]
        assert (found, summary["versions_last_month"], summary["total_downloads"]) == ([1, 2, 4], 4, 5)
        for period, downloads in (("day", 1), ("week", 2), ("month", 4)):
            assert client.get(f"/api/v4/top?period={period}").json()["projects"][0]["downloads"] == downloads
        for badge, downloads in (("/week", 2), ("/month", 4), ("", 5)):
            assert f">{downloads}</text>" in client.get(f"/badge/a{badge}").text
        assert len(rows(client, "/api/v4/projects/a/versions")) == 4


def test_the_ranking_is_of_the_days_it_says_until_it_is_made_again(database: Database) -> None:
    """It follows a publication, so between the two it must not claim a day that it does not count."""
    store = engine(SecretStr(database.owner_url))
    first, second, third = (date(2026, 7, n) for n in (17, 18, 19))
    with psycopg.connect(database.owner_url, autocommit=True) as owner:
        publish(owner, first, [Download("a", times=2), Download("b")])
        publish(owner, third, [Download("b", times=4)], "provisional")
        rank(store, third)
        publish(owner, second, [Download("a", times=9)], "suspect")
        publish(owner, date(2026, 7, 20), [Download("c")])
    with serving(settings(database.api_url)) as client:
        path = "/api/v4/top?period=week"
        before = client.get(path)
        assert (before.json()["start"], before.json()["end"]) == ("2026-07-13", "2026-07-19")
        assert [(row["project"], row["downloads"]) for row in before.json()["projects"]] == [("b", 5), ("a", 2)]
        assert before.json()["days"] == {
            "missing": ["2026-07-13", "2026-07-14", "2026-07-15", "2026-07-16", "2026-07-18"],
            "provisional": ["2026-07-19"], "suspect": [],
        }  # fmt: skip
        rank(store, third)
        read_ledger(client)
        after = client.get(path)
        assert [(row["project"], row["downloads"]) for row in after.json()["projects"]] == [("a", 11), ("b", 5)]
        assert after.json()["days"]["suspect"] == ["2026-07-18"]
        day = client.get("/api/v4/top").json()["projects"]
        assert day == [{"rank": 1, "project": "b", "downloads": 4}]
        rank(store, second)  # an older day's ranking is not the API's
        rank(store, date(2026, 7, 20))
        read_ledger(client)
        last = client.get(path).json()
        assert (last["end"], last["projects"][0]["downloads"]) == ("2026-07-20", 11)


def test_places_gained_and_lost_are_answered_and_what_is_not_ranked_is_missing(database: Database) -> None:
    with serving(settings(database.api_url)) as client:
        with psycopg.connect(database.owner_url) as owner:
            publish(owner, date(2026, 7, 18), [Download("a", times=2), Download("b")])
            publish(owner, date(2026, 7, 19), [Download("b", times=4), Download("a", times=2)])
        answer = client.get("/api/v4/top").json()
        assert (answer["end"], answer["projects"]) == ("2026-07-19", [])
        assert answer["days"] == {"missing": ["2026-07-19"], "provisional": [], "suspect": []}
        rank(engine(SecretStr(database.owner_url)), date(2026, 7, 19))
        read_ledger(client)
        assert client.get("/api/v4/top?format=csv").text == "rank,project,downloads,change\r\n1,b,4,1\r\n2,a,2,-1\r\n"


def test_the_csv_is_the_same_list(client: httpx.Client) -> None:
    answer = client.get(f"{LIST}.csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.text.startswith("download_count,project\n")
    listed = [(int(row["download_count"]), row["project"]) for row in csv.DictReader(answer.text.splitlines())]
    rows = client.get(f"{LIST}.min.json").json()["rows"]
    assert listed == [(row["download_count"], row["project"]) for row in rows] != []


def test_nothing_is_listed_before_the_first_ranking(database: Database) -> None:
    with serving(settings(database.api_url)) as client:
        answer = client.get(f"{LIST}.min.json").json()
        assert (answer["last_update"], answer["rows"]) == (None, [])
        assert client.get(f"{LIST}.csv").text == "download_count,project\n"


def test_fifteen_thousand_projects_are_listed_and_as_many_can_be_asked_for(database: Database) -> None:
    with psycopg.connect(database.owner_url) as owner:
        publish(owner, NEWEST, [Download(f"p{n}", times=n) for n in range(1, 6)])
        owner.execute(
            "INSERT INTO pyzn.project_days"
            " (downloads, files, pip_downloads, ci_downloads, downloads_without_mirrors, day, project)"
            " SELECT 100 + n, 100 + n, 0, 0, 0, %s, 'many-' || n FROM generate_series(1, %s) AS n",
            [NEWEST, RANKS],
        )
    rank(engine(SecretStr(database.owner_url)), NEWEST)
    with serving(settings(database.api_url)) as client:
        rows = client.get(f"{LIST}.min.json").json()["rows"]
        assert len(rows) == 15_000
        assert (rows[0], rows[-1]) == (
            {"download_count": 15_100, "project": "many-15000"},
            {"download_count": 101, "project": "many-1"},
        )
        top = client.get("/api/v4/top", params={"period": "month", "limit": 15_000}).json()["projects"]
        assert [(each["downloads"], each["project"]) for each in top] == [tuple(row.values()) for row in rows]
        assert len(client.get("/api/v4/top").json()["projects"]) == 100


def test_status_tells_of_days_that_were_asked_for_and_not_read(database: Database) -> None:
    with psycopg.connect(database.owner_url) as owner:
        owner.execute(
            "INSERT INTO pyzn.wanted (day, asked_by, asked_at, failed_at, next_attempt_at) VALUES"
            " ('2026-07-01', '{backfill a}', now(), NULL, now()), ('2026-07-02', '{run b}', now(), now(), now()),"
            " ('2026-07-03', '{run b}', now(), now(), NULL), ('2026-07-04', '{}', now(), now(), NULL)"
        )
    with serving(settings(database.api_url)) as client:
        answer = client.get("/api/v4/status").json()
    assert (answer["days_wanted"], answer["days_given_up"], answer["given_up"]) == (3, 1, ["2026-07-03"])


def test_an_empty_ledger_is_not_ready_and_breaks_nothing(database: Database) -> None:
    with serving(settings(database.api_url)) as client:
        assert client.get("/api/v4/status").json() == {
            "ready": False, "synthetic": False, "latest_day": None, "days_late": None,
            "days_missing": 0, "days_suspect": 0, "missing": [], "suspect": [],
            "days_wanted": 0, "days_given_up": 0, "given_up": [], "breakdowns": [],
        }  # fmt: skip
        assert client.get("/api/v4/top").json()["projects"] == []
        days = client.get("/api/v4/days").json()["days"]
        assert (len(days), {day["status"] for day in days}) == (30, {"missing"})
        assert client.get("/api/v4/projects/sampleproject").status_code == 404
        assert client.get("/api/v4/projects?name=a").json()["unknown"] == ["a"]


TABLES = {
    "/api/v4/projects/sampleproject": None,
    "/api/v4/projects?name=sampleproject&name=quiet": "projects",
    f"{VERSIONS}?start=2025-07-19&end=2026-07-19": "downloads",
    f"{COUNTRIES}?start=2025-07-19&end=2026-07-19": "downloads",
    "/api/v4/days": "days",
    "/api/v4/top": "projects",
}


@pytest.mark.parametrize("path", TABLES)
def test_any_table_comes_as_csv_with_the_same_rows(client: httpx.Client, path: str) -> None:
    answer = client.get(path).json()
    member = TABLES[path]
    expected = answer[member] if member else [answer]
    response = client.get(path, headers={"Accept": "text/csv"})
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    assert "Accept" in [name.strip() for name in response.headers["vary"].split(",")]
    assert 'rel="describedby"' in response.headers["link"]
    assert response.text == client.get(path + ("&" if "?" in path else "?") + "format=csv").text
    table = list(csv.DictReader(StringIO(response.text, newline="")))
    assert len(table) == len(expected) > 0
    for found, row in zip(table, expected, strict=True):
        cells = {name: row.get(name, "") for name in found}
        assert found == {name: " ".join(cell) if isinstance(cell, list) else str(cell) for name, cell in cells.items()}


@pytest.mark.parametrize(
    ("accept", "as_csv"),
    [
        ("text/csv", True),
        ("TEXT/CSV; header=present", True),
        ("text/*", True),
        ("text/csv, application/json;q=0.5", True),
        ("text/csv;q=0", False),
        ("text/csv;q=0.000, text/*", False),
        ("application/json, text/csv", False),
        ("text/csv;q=0.5, */*", False),
        ("application/x-text/csv", False),
        ("text/html", False),
        ("*/*", False),
        ("", False),
    ],
)
def test_accept_is_read_by_whole_types_and_weights(client: httpx.Client, accept: str, as_csv: bool) -> None:
    assert client.get(VERSIONS, headers={"Accept": accept}).headers["content-type"].startswith("text/csv") == as_csv
    assert client.get(f"{VERSIONS}?format=json", headers={"Accept": accept}).json()["start"]


def test_csv_quotes_what_needs_it(client: httpx.Client) -> None:
    text = client.get("/api/v4/projects/awkward/versions?start=2025-07-19&end=2025-07-19&format=csv").text
    table = list(csv.reader(StringIO(text, newline="")))
    assert table == [
        ["period", "version", "downloads"],
        ["2025-07-19", AWKWARD, "3"],
        ["2025-07-19", "%s", "1"],
    ]
