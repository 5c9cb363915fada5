"""Rankings: /api/v4/top and the list that scanners download."""

import csv
from datetime import date

import httpx
import psycopg
from sqlalchemy import Engine

from pyzn_pipeline.rankings.rankings import RANKS, rank
from tests.api.conftest import read_ledger
from tests.api.stock import NEWEST, publish
from tests.days import Download

LIST = "/top-pypi-packages"


def test_a_ranking_is_of_the_days_that_it_names_until_it_is_made_again(
    owner: psycopg.Connection, own_client: httpx.Client, store: Engine
) -> None:
    """Between a publication and the ranking after it, the answer claims no day that it does not count."""

    def week() -> tuple[str, list[tuple[str, int]], dict[str, list[str]]]:
        read_ledger(own_client)
        answer = own_client.get("/api/v4/top?period=week").json()
        return answer["end"], [(row["project"], row["downloads"]) for row in answer["projects"]], answer["days"]

    first, second, third, fourth = (date(2026, 7, day) for day in (17, 18, 19, 20))
    before = ["2026-07-13", "2026-07-14", "2026-07-15", "2026-07-16"]
    publish(owner, first, [Download("a", times=2), Download("b")])
    publish(owner, third, [Download("b", times=4)], "provisional")
    rank(store, third)
    publish(owner, second, [Download("a", times=9)], "suspect")
    publish(owner, fourth, [Download("c")])
    days = {"missing": [*before, "2026-07-18"], "provisional": ["2026-07-19"], "suspect": []}
    assert week() == ("2026-07-19", [("b", 5), ("a", 2)], days)
    rank(store, third)
    days |= {"missing": before, "suspect": ["2026-07-18"]}
    assert week() == ("2026-07-19", [("a", 11), ("b", 5)], days)
    assert own_client.get("/api/v4/top").json()["projects"] == [{"rank": 1, "project": "b", "downloads": 4}]
    rank(store, second)  # an older day's ranking is not the API's
    rank(store, fourth)
    assert week()[:2] == ("2026-07-20", [("a", 11), ("b", 5), ("c", 1)])


def test_places_gained_and_lost_are_answered_and_what_is_not_ranked_is_missing(
    owner: psycopg.Connection, own_client: httpx.Client, store: Engine
) -> None:
    publish(owner, date(2026, 7, 18), [Download("a", times=2), Download("b")])
    publish(owner, NEWEST, [Download("b", times=4), Download("a", times=2)])
    answer = own_client.get("/api/v4/top").json()
    assert (answer["end"], answer["projects"]) == ("2026-07-19", [])
    assert answer["days"] == {"missing": ["2026-07-19"], "provisional": [], "suspect": []}
    rank(store, NEWEST)
    read_ledger(own_client)
    assert own_client.get("/api/v4/top?format=csv").text == "rank,project,downloads,change\r\n1,b,4,1\r\n2,a,2,-1\r\n"


def test_fifteen_thousand_projects_are_listed_and_as_many_can_be_asked_for(
    owner: psycopg.Connection, own_client: httpx.Client, store: Engine
) -> None:
    publish(owner, NEWEST, [Download(f"p{n}", times=n) for n in range(1, 6)])
    owner.execute(
        "INSERT INTO pyzn.project_days"
        " (downloads, files, pip_downloads, ci_downloads, downloads_without_mirrors, day, project)"
        " SELECT 100 + n, 100 + n, 0, 0, 0, %s, 'many-' || n FROM generate_series(1, %s) AS n",
        [NEWEST, RANKS],
    )
    rank(store, NEWEST)
    listed = [(row["download_count"], row["project"]) for row in own_client.get(f"{LIST}.min.json").json()["rows"]]
    assert (len(listed), listed[0], listed[-1]) == (15_000, (15_100, "many-15000"), (101, "many-1"))
    top = own_client.get("/api/v4/top", params={"period": "month", "limit": 15_000}).json()["projects"]
    assert [(each["downloads"], each["project"]) for each in top] == listed
    assert len(own_client.get("/api/v4/top").json()["projects"]) == 100
    answer = own_client.get(f"{LIST}.csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.text.startswith("download_count,project\n")
    table = csv.DictReader(answer.text.splitlines())
    assert [(int(row["download_count"]), row["project"]) for row in table] == listed
