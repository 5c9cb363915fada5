"""What existing clients call: shapes and numbers, first pepy's, then pypistats.org's; and clients, against the API."""

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from pyzn_local.postgres import Postgres
from pyzn_pipeline.store.database import engine
from tests.api.conftest import Clock, serving, settings
from tests.api.stock import AWKWARD
from tests.conftest import Database, own_database
from tests.days import Download
from tests.store.publishing import publish

PATHS = ("overall", "python_major", "python_minor", "system")
TODAY = datetime.now(UTC).date()  # pepystats looks at the clock itself
LATEST = TODAY - timedelta(days=1)
FIRST = LATEST - timedelta(days=180)  # of 181 days

# Each row of the source: what it is a download of, by whom, with which Python, on which system.
ROWS = [
    Download("demo-pkg", "1.0", installer="pip", python="3.12.1", system="Linux"),
    Download("demo-pkg", "1.0", installer="pip", python="3.12.4", system="Darwin"),
    Download("demo-pkg", "1.1", installer="uv", python="2.7.18", system="Windows"),
    Download("demo-pkg", "1.1", installer="uv", python="3.9.1", system="FreeBSD"),
    Download("demo-pkg", "1.1", installer="Browser", python=None, system=None),
    Download("demo-pkg", "1.1", installer="bandersnatch", python="3.11.0", system="Linux"),
    Download("demo-pkg", "1.1", pip=False, python="3.10.0", system="Linux"),
    Download("only-mirrored", "1.0", installer="devpi", python="3.11.0", system="Linux"),
]
DAYS = {  # how many times each of the rows
    FIRST - timedelta(days=1): 11,
    FIRST: 2,
    LATEST - timedelta(days=30): 3,
    LATEST - timedelta(days=29): 5,
    LATEST - timedelta(days=7): 7,
    LATEST - timedelta(days=6): 13,
    LATEST: 17,
}
COUNTED = {day: times for day, times in DAYS.items() if day >= FIRST}


@pytest.mark.parametrize("prefix", ["/api/v3/pro", "/service-api/v1/pro"])
def test_a_year_with_ci_is_the_default_four_months_its_end_and_without_ci_nothing_is_empty(
    client: httpx.Client, prefix: str
) -> None:
    path = f"{prefix}/projects/sampleproject/downloads"
    year = client.get(path)
    assert year.text == client.get(f"{path}?timeRange=ONE_YEAR&includeCIDownloads=true").text
    days = year.json()["downloads"]
    assert (min(days), days["2026-04-01"]) == ("2025-07-20", {"1.10": 10, "1.9": 2})
    recent = client.get(f"{path}?timeRange=FOUR_MONTHS").json()["downloads"]
    assert recent == {day: counts for day, counts in days.items() if day >= "2026-03-20"} != days
    without_ci = client.get(f"{path}?includeCIDownloads=false").json()["downloads"]
    assert without_ci == {
        **{day: counts for day, counts in days.items() if day != "2025-07-20"},
        "2026-04-01": {"1.10": 6},
        "2026-07-17": {"1.10": 75},
        "2026-07-19": {"(unknown)": 3, "1.10": 50, "1.10.0": 1, "2.0rc1": 4, "snap10": 1, "snap9": 1},
    }


def test_a_project_without_downloads_in_the_window_exists(client: httpx.Client) -> None:
    quiet = {"id": "quiet", "total_downloads": 1, "downloads": {}}
    assert client.get("/api/projects/quiet").json() == quiet
    assert client.get("/api/v2/projects/quiet").json() == quiet | {"versions": []}
    for counted in ("downloads", "downloads?includeCIDownloads=false", "country-downloads"):
        assert client.get(f"/api/v3/pro/projects/quiet/{counted}").json() == {"downloads": {}}


def test_a_version_of_any_spelling_comes_through_as_it_is(stocked: Database) -> None:
    clock = Clock(datetime(2025, 7, 20, tzinfo=UTC))
    with serving(settings(stocked.api_url), clock) as client:
        v2 = client.get("/api/v2/projects/awkward").json()
        assert v2["downloads"] == {"2025-07-19": {AWKWARD: 3, "%s": 1}}
        assert sorted(v2["versions"]) == sorted([AWKWARD, "%s"])
        path = "/api/v3/pro/projects/awkward/downloads?includeCIDownloads=false"
        assert client.get(path).json() == {"downloads": {"2025-07-19": {AWKWARD: 2}}}
        assert client.get("/api/v3/pro/projects/awkward/country-downloads").json() == {
            "downloads": {"2025-07-19": [{"country": "", "downloads": 4}]}
        }


@pytest.fixture(scope="module")
def api(postgres: Postgres) -> Iterator[httpx.Client]:
    """A server over those days, whose clock is the real one."""
    with own_database(postgres) as made:
        store = engine(SecretStr(made.owner_url))
        for day, number in DAYS.items():
            publish(store, day, ROWS * number)
        store.dispose()
        with serving(settings(made.api_url), Clock(datetime.now(UTC))) as client:
            yield client


def get(api: httpx.Client, path: str) -> Any:
    answer = api.get(f"/api/packages/{path}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    return answer.json()


def series(api: httpx.Client, path: str) -> dict[str, dict[date, int]]:
    """Downloads by category and day."""
    found: dict[str, dict[date, int]] = {}
    for row in get(api, path)["data"]:
        found.setdefault(row["category"], {})[date.fromisoformat(row["date"])] = row["downloads"]
    return found


def times(factor: int) -> dict[date, int]:
    return {day: factor * number for day, number in COUNTED.items()}


def test_recent_is_without_mirrors_and_ends_with_the_latest_day(api: httpx.Client) -> None:
    assert get(api, "Demo_Pkg/recent") == {
        "data": {"last_day": 5 * 17, "last_month": 5 * (17 + 13 + 7 + 5), "last_week": 5 * (17 + 13)},
        "package": "demo-pkg",
        "type": "recent_downloads",
    }
    assert get(api, "only-mirrored/recent")["data"] == {"last_day": 0, "last_month": 0, "last_week": 0}


def test_recent_of_one_period_has_that_alone(api: httpx.Client) -> None:
    for query in ("period=week", "&period=week", "x=1&period=week"):
        assert get(api, f"demo-pkg/recent?{query}")["data"] == {"last_week": 150}


def test_the_answers_are_bytes_in_the_order_that_pypistats_org_writes(api: httpx.Client) -> None:
    recent = api.get("/api/packages/demo-pkg/recent").text
    assert recent == (
        '{"data":{"last_day":85,"last_month":210,"last_week":150},"package":"demo-pkg","type":"recent_downloads"}'
    )
    for path in PATHS:
        assert api.get(f"/api/packages/demo-pkg/{path}").headers["link"] == '</api/v4/days>; rel="describedby"'
        answer = get(api, f"demo-pkg/{path}")
        assert list(answer) == ["data", "package", "type"]
        assert answer["type"] == f"{path}_downloads"
        assert all(list(row) == ["category", "date", "downloads"] for row in answer["data"])
        rows = [(row["category"].lower(), row["date"]) for row in answer["data"]]
        assert rows == sorted(rows)


def test_a_period_that_is_none_and_a_project_that_is_unknown_are_404(api: httpx.Client) -> None:
    answer = api.get("/api/packages/demo-pkg/recent?period=year")
    assert (answer.status_code, answer.json()["message"]) == (404, "period='year': expected one of day, month, week")
    for path in ("recent", "overall"):
        for name in ("nobody-knows", "-", "a%00b"):
            assert api.get(f"/api/packages/{name}/{path}").status_code == 404


def test_of_an_unknown_project_there_is_no_data(api: httpx.Client) -> None:
    for path in PATHS[1:]:
        for name in ("nobody-knows", "-", "a%00b"):
            answer = get(api, f"{name}/{path}")
            assert (answer["data"], answer["type"]) == ([], f"{path}_downloads")


def test_overall_counts_every_row_and_those_without_mirrors_over_181_days(api: httpx.Client) -> None:
    assert series(api, "demo-pkg/overall") == {"with_mirrors": times(7), "without_mirrors": times(5)}
    assert series(api, "demo-pkg/overall?mirrors=true") == {"with_mirrors": times(7)}
    assert series(api, "demo-pkg/overall?mirrors=false") == {"without_mirrors": times(5)}
    for ignored in ("mirrors=yes", "mirrors=", "period=week"):
        assert len(series(api, f"demo-pkg/overall?{ignored}")) == 2
    assert series(api, "only-mirrored/overall") == {"with_mirrors": times(1)}


def test_versions_of_python_are_counted_without_mirrors(api: httpx.Client) -> None:
    assert series(api, "demo-pkg/python_major") == {"2": times(1), "3": times(3), "null": times(1)}
    minor = {version: times(2 if version == "3.12" else 1) for version in ("2.7", "3.12", "3.9", "null")}
    assert series(api, "demo-pkg/python_minor") == minor
    assert series(api, "demo-pkg/python_minor?version=3.12") == {"3.12": times(2)}
    assert series(api, "demo-pkg/python_major?version=null") == {"null": times(1)}
    for none in ("3.99", "", "%00", "3.1%", "9" * 30):
        assert series(api, f"demo-pkg/python_minor?version={none}") == {}
    assert series(api, "only-mirrored/python_minor") == {}


def test_every_system_that_is_none_of_the_three_is_other(api: httpx.Client) -> None:
    systems = ("Darwin", "Linux", "null", "other", "Windows")
    found = series(api, "demo-pkg/system")
    assert found == {name: times(1) for name in systems}
    assert tuple(found) == systems  # without regard to case
    for asked in systems:
        for os in (asked, asked.lower(), asked.upper()):
            assert series(api, f"demo-pkg/system?os={os}") == {asked: times(1)}
    assert series(api, "demo-pkg/system?os=freebsd") == {}


def test_all_of_pypi_is_a_project(api: httpx.Client) -> None:
    assert get(api, "__all__/recent?period=day") == {
        "data": {"last_day": 5 * 17}, "package": "__all__", "type": "recent_downloads",
    }  # fmt: skip
    assert series(api, "__all__/overall") == {"with_mirrors": times(8), "without_mirrors": times(5)}
    for path in ("python_major", "python_minor", "system"):
        assert series(api, f"__all__/{path}") == series(api, f"demo-pkg/{path}")


def sums(series: dict[str, dict[date, int]]) -> list[dict[str, object]]:
    return [{"category": category, "downloads": sum(days.values())} for category, days in series.items()]


def test_the_pypistats_command_says_what_the_tables_hold(api: httpx.Client, tmp_path: Path) -> None:
    since = f"--start-date {LATEST - timedelta(days=6)} --end-date {LATEST}"
    expected: dict[str, object] = {
        "recent demo-pkg": {"last_day": 85, "last_month": 210, "last_week": 150},
        "recent demo-pkg --period week": {"last_week": 150},
        **{f"{path} demo-pkg": sums(series(api, f"demo-pkg/{path}")) for path in PATHS},
        "overall demo-pkg --mirrors without": sums({"without_mirrors": times(5)}),
        "system demo-pkg --os linux": sums({"Linux": times(1)}),
        "python_major demo-pkg --version 3": sums({"3": times(3)}),
        f"overall demo-pkg --mirrors with {since}": sums({"with_mirrors": {LATEST: 7 * 30}}),
    }
    code = f"""
import os, sys, pypistats
from pypistats import cli
pypistats.BASE_URL = {str(api.base_url.join("/api/"))!r}
for arguments in {[*expected]!r}:
    if child := os.fork():  # it runs once in a process, and takes long to import
        os.waitpid(child, 0)
        continue
    sys.argv[1:] = [*arguments.split(), "--format", "json"]
    cli.main()
    break
"""
    home = str(tmp_path)  # with its cache
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True, text=True, check=False, timeout=120, env={"HOME": home, "XDG_CACHE_HOME": home},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert [json.loads(line)["data"] for line in done.stdout.splitlines()] == [*expected.values()]


def test_pepystats_says_what_the_tables_hold(api: httpx.Client) -> None:
    code = f"""
import pepystats.api as pepystats
pepystats.BASE = {str(api.base_url).rstrip("/")!r}
of_version = pepystats.get_versions("demo-pkg", versions=["1.0"], months=1)
print(pepystats.get_overall("demo-pkg", months=1), of_version["downloads"].sum())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    month = sum(number for day, number in DAYS.items() if day >= last_month(TODAY))
    assert done.stdout.split() == [str(7 * month), str(2 * month)]


def last_month(today: date) -> date:
    """The day that pandas takes for a month before."""
    end = today.replace(day=1) - timedelta(days=1)
    return end.replace(day=min(today.day, end.day))
