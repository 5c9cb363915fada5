"""Routes of existing clients: shapes and numbers, first pepy's, then pypistats.org's; and clients, against the API."""

import json
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pepystats.api as pepystats
import pypistats.cli
import pytest
from sqlalchemy import Engine

from tests.api.conftest import Clock, serving, settings
from tests.api.stock import AWKWARD
from tests.conftest import Database
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
    Download("demo-pkg", "1.1", installer=None, python="3.10.0", system="Linux"),
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
def api(shared_database: Database, shared_store: Engine) -> Iterator[httpx.Client]:
    """A server over those days, whose clock is the real one."""
    for day, number in DAYS.items():
        publish(shared_store, day, ROWS * number)
    with serving(settings(shared_database.api_url), Clock(datetime.now(UTC))) as client:
        yield client


def get(api: httpx.Client, path: str) -> Any:
    answer = api.get(f"/api/packages/{path}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["link"] == '</api/v4/days>; rel="describedby"'  # the shape has no place for missing days
    return answer.json()


def series(api: httpx.Client, path: str) -> dict[str, dict[date, int]]:
    """Return the downloads by category and day, in the order of the answer."""
    found: dict[str, dict[date, int]] = {}
    for row in get(api, path)["data"]:
        assert list(row) == ["category", "date", "downloads"]
        found.setdefault(row["category"], {})[date.fromisoformat(row["date"])] = row["downloads"]
    return found


def times(**factors: int) -> dict[str, dict[date, int]]:
    """Return so many rows by category, on each of the days in the window."""
    return {category: {day: factor * n for day, n in COUNTED.items()} for category, factor in factors.items()}


RECENT = {"last_day": 5 * 17, "last_month": 5 * (17 + 13 + 7 + 5), "last_week": 5 * (17 + 13)}


def test_recent_is_without_mirrors_and_ends_with_the_latest_day(api: httpx.Client) -> None:
    expected = {"data": RECENT, "package": "demo-pkg", "type": "recent_downloads"}
    assert api.get("/api/packages/Demo_Pkg/recent").text == json.dumps(expected, separators=(",", ":"))
    assert get(api, "only-mirrored/recent")["data"] == {"last_day": 0, "last_month": 0, "last_week": 0}
    for query in ("period=week", "&period=week", "x=1&period=week"):
        assert get(api, f"demo-pkg/recent?{query}")["data"] == {"last_week": 150}
    of_all = {"data": {"last_day": 85}, "package": "__all__", "type": "recent_downloads"}
    assert get(api, "__all__/recent?period=day") == of_all


def test_a_period_that_is_none_and_a_project_that_is_unknown_are_404_and_else_there_is_no_data(
    api: httpx.Client,
) -> None:
    answer = api.get("/api/packages/demo-pkg/recent?period=year")
    assert (answer.status_code, answer.json()["message"]) == (404, "period='year': expected one of day, month, week")
    for name in ("nobody-knows", "-", "a%00b"):
        for path in ("recent", "overall"):
            assert api.get(f"/api/packages/{name}/{path}").status_code == 404
        for path in PATHS[1:]:
            assert get(api, f"{name}/{path}")["data"] == []


BOTH = times(with_mirrors=7, without_mirrors=5)
MAJOR = times(**{"2": 1, "3": 3, "null": 1})
MINOR = times(**{"2.7": 1, "3.12": 2, "3.9": 1, "null": 1})
SYSTEMS = times(Darwin=1, Linux=1, null=1, other=1, Windows=1)
SERIES = {
    "demo-pkg/overall": BOTH,
    "demo-pkg/overall?mirrors=true": times(with_mirrors=7),
    "demo-pkg/overall?mirrors=false": times(without_mirrors=5),
    **{f"demo-pkg/overall?{ignored}": BOTH for ignored in ("mirrors=yes", "mirrors=", "period=week")},
    "only-mirrored/overall": times(with_mirrors=1),
    "demo-pkg/python_major": MAJOR,
    "demo-pkg/python_major?version=null": times(null=1),
    "demo-pkg/python_minor": MINOR,
    "demo-pkg/python_minor?version=3.12": times(**{"3.12": 2}),
    **{f"demo-pkg/python_minor?version={none}": {} for none in ("3.99", "", "%00", "3.1%", "9" * 30)},
    "only-mirrored/python_minor": {},
    "demo-pkg/system": SYSTEMS,
    **{
        f"demo-pkg/system?os={asked}": {system: SYSTEMS[system]}
        for system in SYSTEMS
        for asked in (system, system.lower(), system.upper())
    },
    "demo-pkg/system?os=freebsd": {},
    "__all__/overall": times(with_mirrors=8, without_mirrors=5),
    "__all__/python_major": MAJOR,
    "__all__/python_minor": MINOR,
    "__all__/system": SYSTEMS,
}


@pytest.mark.parametrize("path", SERIES)
def test_downloads_are_counted_by_category_over_181_days(api: httpx.Client, path: str) -> None:
    """Categories are in the order of pypistats.org, without regard to case; all but `with_mirrors` is without."""
    answer = get(api, path)
    kind = path.partition("/")[2].partition("?")[0]
    assert (list(answer), answer["type"]) == (["data", "package", "type"], f"{kind}_downloads")
    order = [(row["category"].lower(), row["date"]) for row in answer["data"]]
    assert order == sorted(order)
    assert series(api, path) == SERIES[path]


def sums(series: dict[str, dict[date, int]]) -> list[dict[str, object]]:
    return [{"category": category, "downloads": sum(days.values())} for category, days in series.items()]


def test_the_pypistats_command_shows_what_the_tables_hold(
    api: httpx.Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pypistats, "BASE_URL", str(api.base_url.join("/api/")))
    monkeypatch.setattr(pypistats._cache, "CACHE_DIR", tmp_path)
    monkeypatch.setattr(pypistats.cli.cli, "add_argument", lambda *_, **__: None)  # main() adds --version each time
    since = f"--start-date {LATEST - timedelta(days=6)} --end-date {LATEST}"
    expected: dict[str, object] = {
        "recent demo-pkg": RECENT,
        "recent demo-pkg --period week": {"last_week": 150},
        **{f"{path} demo-pkg": sums(SERIES[f"demo-pkg/{path}"]) for path in PATHS},
        "overall demo-pkg --mirrors without": sums(times(without_mirrors=5)),
        "system demo-pkg --os linux": sums(times(Linux=1)),
        "python_major demo-pkg --version 3": sums(times(**{"3": 3})),
        f"overall demo-pkg --mirrors with {since}": sums({"with_mirrors": {LATEST: 7 * 30}}),
    }
    for arguments, data in expected.items():
        monkeypatch.setattr(sys, "argv", ["pypistats", *arguments.split(), "--format", "json"])
        pypistats.cli.main()
        assert json.loads(capsys.readouterr().out)["data"] == data, arguments


def test_pepystats_shows_what_the_tables_hold(api: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pepystats, "BASE", str(api.base_url).rstrip("/"))
    month = sum(number for day, number in DAYS.items() if day >= last_month(TODAY))
    assert pepystats.get_overall("demo-pkg", months=1) == 7 * month
    assert pepystats.get_versions("demo-pkg", versions=["1.0"], months=1)["downloads"].sum() == 2 * month


def last_month(today: date) -> date:
    """Return the day that pandas takes for a month before."""
    end = today.replace(day=1) - timedelta(days=1)
    return end.replace(day=min(today.day, end.day))
