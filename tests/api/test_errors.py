"""Every error has the one envelope, the right status, and tells nothing of the inside."""

import socket

import httpx
import psycopg
import pytest

from tests.api.conftest import metric, serving, settings
from tests.conftest import Database

PROJECT_ROUTES = [
    "/api/projects/{}",
    "/api/v2/projects/{}",
    "/api/v3/pro/projects/{}/downloads",
    "/service-api/v1/pro/projects/{}/downloads",
    "/api/v3/pro/projects/{}/country-downloads",
    "/api/v4/projects/{}",
    "/api/v4/projects/{}/versions",
    "/api/v4/projects/{}/countries",
]
NOT_FOUND = (
    "The requested URL was not found on the server. "
    "If you entered the URL manually please check your spelling and try again."
)


def assert_error(response: httpx.Response, status: int, message: str | None = None) -> None:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    assert list(response.json()) == ["error", "message"]
    assert response.json()["error"] == status
    if message is not None:
        assert response.json()["message"] == message


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("No.Such__Project", "no-such-project"),
        ("flask%00", "flask\ufffd"),
        ("%FF%FE", "\ufffd\ufffd"),
        ("%E2%84%AAivy", "\u212aivy"),  # KELVIN SIGN, which Unicode lower-cases to k
        ("%3Cscript%3E", "<script>"),
        ("%E2%80%AEevil", "\ufffdevil"),  # U+202E RIGHT-TO-LEFT OVERRIDE
        ("%0D%0ASet-Cookie:%20a=b", "\ufffd\ufffdset-cookie: a=b"),
        ("a" * 5000, "a" * 80 + "…"),
    ],
)
def test_an_unknown_project_is_404_and_what_none_can_be_called_never_reaches_postgres(
    client: httpx.Client, name: str, shown: str
) -> None:
    before = metric(client, "pyzn_api_database_statements_total")
    for route in PROJECT_ROUTES:
        assert_error(client.get(route.format(name)), 404, f"Project with name {shown} does not exist")
    if shown != "no-such-project":
        assert metric(client, "pyzn_api_database_statements_total") == before


@pytest.mark.parametrize(
    "path",
    ["/projects", "/api", "/api/projects", "/api/projects/", "/api/projects/a/b", "/api/projects/a%2Fb",
     "/api/projects/flask/", "/%00", "/nope", "/docs/../settings.py", "/docs/%2e%2e%2fsettings.py", "/docs/nope",
     "/badge"],
)  # fmt: skip
def test_an_unknown_route_is_404(client: httpx.Client, path: str) -> None:
    assert_error(client.get(path), 404, NOT_FOUND)


DOWNLOADS = "/api/v3/pro/projects/sampleproject/downloads"
VERSIONS, COUNTRIES = (f"/api/v4/projects/sampleproject/{counted}" for counted in ("versions", "countries"))


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (f"{DOWNLOADS}?timeRange=TWO_WEEKS", "timeRange='TWO_WEEKS': expected 'FOUR_MONTHS' or 'ONE_YEAR'"),
        (
            f"{DOWNLOADS}?timeRange={'X' * 900}",
            "timeRange='" + "X" * 80 + "…': expected 'FOUR_MONTHS' or 'ONE_YEAR'",
        ),
        (f"{DOWNLOADS}?includeCIDownloads=perhaps", "includeCIDownloads='perhaps': expected true or false"),
        (f"{VERSIONS}?granularity=hour", "granularity='hour': expected 'day', 'week' or 'month'"),
        (f"{VERSIONS}?ci=maybe", "ci='maybe': expected 'include', 'exclude' or 'only'"),
        (
            "/api/v4/projects/sampleproject/pythons?python=three",
            "python='three': expected the minor version of Python, as answers list it, or (unknown)",
        ),
        (f"{VERSIONS}?format=xml", "format='xml': expected 'json' or 'csv'"),
        (
            f"{VERSIONS}?version=%00",
            "version='\ufffd': expected the release as PyPI spells it, as answers list it, or (unknown)",
        ),
        (
            f"{COUNTRIES}?country=USA",
            "country='USA': expected an ISO 3166-1 alpha-2 code, as answers list it, or (unknown)",
        ),
        ("/api/v4/top?limit=0", "limit='0': expected greater than or equal to 1"),
        ("/api/v4/top?limit=99999", "limit='99999': expected less than or equal to 15000"),
        ("/api/v4/top?limit=many", "limit='many': expected a whole number"),
        ("/api/v4/projects", "name='': expected a value"),
        ("/api/v4/projects?name=" + ",".join("a" * 129), "name='129 names': expected 128 at most"),
    ],
)
def test_a_parameter_that_cannot_be_answered_is_named_with_what_is_accepted(
    client: httpx.Client, path: str, message: str
) -> None:
    assert_error(client.get(path), 400, message)


def test_what_was_not_foreseen_is_500_and_tells_nothing_of_the_inside(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    with psycopg.connect(database.owner_url, autocommit=True) as owner:
        owner.execute("ALTER TABLE pyzn.projects RENAME COLUMN total_downloads TO other")
    with serving(settings(database.api_url)) as server:
        answer = server.get("/badge/sampleproject", headers={"Connection": "close"})  # the server closes it anyway
        assert_error(answer, 500, "The server made an error, which has been logged.")
        assert 'pyzn_api_requests_total{route="/badge/{project}",status="500"} 1.0' in server.get("/metrics").text
    assert "total_downloads" in caplog.text


def raw(client: httpx.Client, request: bytes) -> bytes:
    """What the server sends back to exactly these bytes."""
    with socket.create_connection((client.base_url.host, client.base_url.port or 80), timeout=60) as connection:
        connection.sendall(request)
        return connection.recv(65536)


@pytest.mark.parametrize(
    "target",
    [b"/api/projects/%", b"/api/projects/%zz", b"/api/projects/%C3%28", b"/api/projects/\xff\xfe",
     b"//api//projects//a",
     b"/api/projects/a?timeRange=%ff&&&==&", b"/api/projects/" + b"%2e" * 2000, b"*",
     b"http://elsewhere/api/projects/a",
     b"/api/v3/pro/projects/a/downloads?includeCIDownloads=%ff"],
)  # fmt: skip
def test_bytes_no_client_library_would_send_are_the_clients_error(client: httpx.Client, target: bytes) -> None:
    answer = raw(client, b"GET " + target + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 4"), answer
