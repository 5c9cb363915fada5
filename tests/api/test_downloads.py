"""The routes that existing clients call answer exactly what they always did."""

from datetime import UTC, datetime

import httpx
import pytest

from tests.api.conftest import Clock, serving, settings
from tests.api.stock import AWKWARD
from tests.conftest import Database


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


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/api/projects/quiet", {"id": "quiet", "total_downloads": 1, "downloads": {}}),
        ("/api/v2/projects/quiet", {"id": "quiet", "total_downloads": 1, "versions": [], "downloads": {}}),
        ("/api/v3/pro/projects/quiet/downloads", {"downloads": {}}),
        ("/api/v3/pro/projects/quiet/downloads?includeCIDownloads=false", {"downloads": {}}),
        ("/api/v3/pro/projects/quiet/country-downloads", {"downloads": {}}),
    ],
)
def test_a_project_without_downloads_in_the_window_exists(
    client: httpx.Client, path: str, expected: dict[str, object]
) -> None:
    response = client.get(path)
    assert (response.status_code, response.json()) == (200, expected)


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
