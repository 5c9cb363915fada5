"""The list of the most downloaded projects, as linters and scanners download it."""

import csv
from datetime import date

import httpx
import psycopg
from pydantic import SecretStr

from pyzn_pipeline.rankings.rankings import RANKS, rank
from pyzn_pipeline.store.database import engine
from tests.api.conftest import serving, settings
from tests.api.stock import publish
from tests.conftest import Database
from tests.days import Download

JSON, CSV = "/top-pypi-packages.min.json", "/top-pypi-packages.csv"
DAY = date(2026, 7, 19)


def test_the_csv_is_the_same_list(client: httpx.Client) -> None:
    answer = client.get(CSV)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.text.startswith("download_count,project\n")
    listed = [(int(row["download_count"]), row["project"]) for row in csv.DictReader(answer.text.splitlines())]
    rows = client.get(JSON).json()["rows"]
    assert listed == [(row["download_count"], row["project"]) for row in rows] != []


def test_nothing_is_listed_before_the_first_ranking(database: Database) -> None:
    with serving(settings(database.api_url)) as client:
        answer = client.get(JSON).json()
        assert (answer["last_update"], answer["rows"]) == (None, [])
        assert client.get(CSV).text == "download_count,project\n"


def test_fifteen_thousand_projects_are_listed_and_as_many_can_be_asked_for(database: Database) -> None:
    with psycopg.connect(database.owner_url) as owner:
        publish(owner, DAY, [Download(f"p{n}", times=n) for n in range(1, 6)])
        owner.execute(
            "INSERT INTO pyzn.project_days"
            " (downloads, files, pip_downloads, ci_downloads, downloads_without_mirrors, day, project)"
            " SELECT 100 + n, 100 + n, 0, 0, 0, %s, 'many-' || n FROM generate_series(1, %s) AS n",
            [DAY, RANKS],
        )
    rank(engine(SecretStr(database.owner_url)), DAY)
    with serving(settings(database.api_url)) as client:
        rows = client.get(JSON).json()["rows"]
        assert len(rows) == 15_000
        assert (rows[0], rows[-1]) == (
            {"download_count": 15_100, "project": "many-15000"},
            {"download_count": 101, "project": "many-1"},
        )
        top = client.get("/api/v4/top", params={"period": "month", "limit": 15_000}).json()["projects"]
        assert [(each["downloads"], each["project"]) for each in top] == [tuple(row.values()) for row in rows]
        assert len(client.get("/api/v4/top").json()["projects"]) == 100
