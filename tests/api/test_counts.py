"""Every count beside the others: which one an answer gave, of one project and several, and days that lack one."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine

from pyzn_pipeline.rankings.rankings import rank
from tests.api.conftest import serving, settings
from tests.conftest import Database
from tests.days import Download
from tests.store.publishing import publish

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
def client(shared_database: Database, shared_store: Engine) -> Iterator[httpx.Client]:
    for day in (BEFORE, BETWEEN, AFTER):
        publish(shared_store, day, ROWS, files=day != BETWEEN)
    rank(shared_store, AFTER)
    with serving(settings(shared_database.api_url)) as client:
        yield client


def answer(client: httpx.Client, path: str) -> Any:
    response = client.get(f"/api/v4/{path}")
    assert response.status_code == 200, response.text
    return response.json()


def test_a_project_has_a_row_a_period_with_every_count(client: httpx.Client) -> None:
    found = answer(client, "projects/Lib/downloads?start=2026-07-15")
    assert (found["project"], found["granularity"]) == ("lib", "day")
    assert found["days"]["missing"] == ["2026-07-15", "2026-07-18"]
    expected = [("2026-07-16", 14, 10, 9, 3, 12), ("2026-07-17", 14, None, 9, 3, 12), ("2026-07-19", 14, 10, 9, 3, 12)]
    assert found["downloads"] == [dict(zip(COLUMNS, row, strict=True)) for row in expected]
    table = client.get("/api/v4/projects/lib/downloads?start=2026-07-15&format=csv").text.splitlines()
    assert table == [",".join(COLUMNS), *(",".join("" if n is None else str(n) for n in row) for row in expected)]
    # Files of a month are not known if those of one of its days are not.
    months = [answer(client, f"projects/lib/downloads?start=2026-07-{day}&granularity=month") for day in ("01", "18")]
    assert [tuple(row.values()) for month in months for row in month["downloads"]] == [
        ("2026-07-01", 42, None, 27, 9, 36),
        ("2026-07-01", 14, 10, 9, 3, 12),
    ]


def test_all_of_pypi_and_several_projects_come_in_the_order_of_the_request(client: httpx.Client) -> None:
    (of_all,) = answer(client, "projects/__all__/downloads?start=2026-07-19")["downloads"]
    assert list(of_all.items()) == list(zip(COLUMNS, ("2026-07-19", 21, 17, 16, 3, 19), strict=True))
    found = answer(client, "series?name=Other,nobody&name=__all__&name=lib&name=%00&name=other&start=2026-07-17")
    assert found["unknown"] == ["nobody", "\ufffd"]
    assert [(row["project"], row["period"], row["downloads"]) for row in found["downloads"]] == [
        (project, day, number)
        for project, number in (("other", 7), ("__all__", 21), ("lib", 14))
        for day in ("2026-07-17", "2026-07-19")
    ]
    nobody = answer(client, "series?name=nobody")
    assert (nobody["granularity"], nobody["unknown"], nobody["downloads"]) == ("day", ["nobody"], [])


COUNTED = {
    "": ("downloads", {"1": 8, "2": 6}),
    "count=files": ("files", {"1": 8, "2": 2}),
    "count=pip": ("pip", {"1": 5, "2": 4}),
    "ci=only": ("ci", {"1": 3}),
    "ci=exclude": ("without_ci", {"1": 5, "2": 6}),
}


@pytest.mark.parametrize("query", COUNTED)
def test_versions_are_counted_by_each_count_and_the_answer_names_it(client: httpx.Client, query: str) -> None:
    found = answer(client, f"projects/lib/versions?start=2026-07-19&{query}")
    assert (found["count"], {row["version"]: row["downloads"] for row in found["downloads"]}) == COUNTED[query]


def test_a_day_without_files_is_missing_when_files_are_counted(client: httpx.Client) -> None:
    missing = {"downloads": ["2026-07-18"], "files": ["2026-07-17", "2026-07-18"]}
    for count, days in missing.items():
        found = answer(client, f"projects/lib/versions?start=2026-07-16&count={count}")
        assert found["days"]["missing"] == days
        periods = {row["period"] for row in found["downloads"]}
        assert periods == {"2026-07-16", "2026-07-17", "2026-07-19"} - {*days}
    ledger = answer(client, "days?start=2026-07-16")["days"]
    assert [day.get("files") for day in ledger] == [17, None, None, 17]


def test_a_ranking_names_the_count_of_its_period(client: httpx.Client) -> None:
    day, month = (answer(client, f"top?period={period}&limit=1") for period in ("day", "month"))
    assert (day["count"], day["projects"][0]["downloads"]) == ("files", 10)
    assert (month["count"], month["projects"][0]["downloads"]) == ("downloads", 42)  # a day of it lacks files
    assert client.get("/top-pypi-packages.json").json()["meta"]["count"] == "downloads"


def test_a_breakdown_that_is_not_read_is_404(client: httpx.Client) -> None:
    refused = client.get("/api/v4/projects/lib/libcs")
    assert refused.status_code == 404
    assert refused.json()["message"] == "No day was read by libc: PYZN_BREAKDOWNS does not name it"
