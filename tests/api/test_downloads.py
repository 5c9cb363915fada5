"""The routes that existing clients call answer exactly what they always did."""

from datetime import UTC, datetime

import httpx
import pytest

from tests.api.conftest import Clock, serving, settings
from tests.api.stock import AWKWARD
from tests.conftest import Database

YEAR_OF_VERSIONS = (
    '"2025-07-20":{"1.0":40},'
    '"2026-03-19":{"1.9":7},'
    '"2026-03-20":{"1.9":8},'
    '"2026-03-31":{"1.9":9},'
    '"2026-04-01":{"1.10":10,"1.9":2},'
    '"2026-06-19":{"1.10":11},'
    '"2026-06-20":{"1.10":12},'
    '"2026-07-17":{"1.10":95},'
    '"2026-07-19":{"(unknown)":3,"1.10":100,"1.10.0":1,"1.9":10,"2.0rc1":4,"snap10":1,"snap9":1}'
)


def body(client: httpx.Client, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/json"
    return response.text


def test_health_is_liveness(client: httpx.Client) -> None:
    assert body(client, "/health-check") == '{"status":"healthy"}'


def test_the_last_thirty_days_come_newest_first(client: httpx.Client) -> None:
    assert body(client, "/api/projects/sampleproject") == (
        '{"id":"sampleproject","total_downloads":319,"downloads":{"2026-07-19":120,"2026-07-17":95,"2026-06-20":12}}'
    )


def test_v2_begins_with_the_month_of_ninety_days_ago_and_orders_versions_by_pep_440(client: httpx.Client) -> None:
    assert body(client, "/api/v2/projects/sampleproject") == (
        '{"id":"sampleproject","total_downloads":319,'
        '"versions":["(unknown)","snap9","snap10","1.9","1.10","1.10.0","2.0rc1"],'
        '"downloads":{' + YEAR_OF_VERSIONS[YEAR_OF_VERSIONS.index('"2026-04-01"') :] + "}}"
    )


@pytest.mark.parametrize("prefix", ["/api/v3/pro", "/service-api/v1/pro"])
class TestPro:
    def test_a_year_with_ci_is_the_default(self, client: httpx.Client, prefix: str) -> None:
        path = f"{prefix}/projects/sampleproject/downloads"
        assert body(client, path) == '{"downloads":{' + YEAR_OF_VERSIONS + "}}"
        assert body(client, path) == body(client, f"{path}?timeRange=ONE_YEAR&includeCIDownloads=true")

    def test_four_months_begin_on_the_same_day_of_the_month(self, client: httpx.Client, prefix: str) -> None:
        assert body(client, f"{prefix}/projects/sampleproject/downloads?timeRange=FOUR_MONTHS") == (
            '{"downloads":{' + YEAR_OF_VERSIONS[YEAR_OF_VERSIONS.index('"2026-03-20"') :] + "}}"
        )

    def test_without_ci_what_is_left_with_nothing_is_left_out(self, client: httpx.Client, prefix: str) -> None:
        assert body(client, f"{prefix}/projects/sampleproject/downloads?includeCIDownloads=false") == (
            '{"downloads":{'
            '"2026-03-19":{"1.9":7},'
            '"2026-03-20":{"1.9":8},'
            '"2026-03-31":{"1.9":9},'
            '"2026-04-01":{"1.10":6},'
            '"2026-06-19":{"1.10":11},'
            '"2026-06-20":{"1.10":12},'
            '"2026-07-17":{"1.10":75},'
            '"2026-07-19":{"(unknown)":3,"1.10":50,"1.10.0":1,"2.0rc1":4,"snap10":1,"snap9":1}}}'
        )


def test_countries_are_alpha_3_with_most_downloads_first_and_ties_by_code(client: httpx.Client) -> None:
    answer = client.get("/api/v3/pro/projects/sampleproject/country-downloads").json()["downloads"]
    assert list(answer) == sorted(answer)
    assert min(answer) == "2025-07-20"
    assert answer["2025-07-20"] == [{"country": "DEU", "downloads": 20}, {"country": "USA", "downloads": 20}]
    assert answer["2026-07-19"] == [
        {"country": "USA", "downloads": 60},
        {"country": "DEU", "downloads": 15},
        {"country": "FRA", "downloads": 15},
        {"country": "XK", "downloads": 15},  # no code of ISO 3166-1: passed on, so that the sum stays right
        {"country": "null", "downloads": 15},
    ]


@pytest.mark.parametrize("spelling", ["SampleProject", "sampleproject"])
def test_a_project_is_found_by_any_spelling(client: httpx.Client, spelling: str) -> None:
    assert client.get(f"/api/projects/{spelling}").json()["id"] == "sampleproject"


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
